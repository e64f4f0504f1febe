"""Whatever lies where an artifact should be: found, said, set aside; never a traceback."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from built_archive import Built, command_line, digested
from fakes import FakeRunner
from stored import KEY, loop, manifest, put

from bench.cli import main
from bench.console.events import Event, Note
from bench.errors import Exit, StoreError
from bench.grids.experiment import Point
from bench.pipeline import Resolver, Summary, execute, plan
from bench.store import Broken, DamageError, Entry, Manifest, Store

Harm = Callable[[Path], object]


def change_manifest(change: Callable[[dict[str, object]], object]) -> Harm:
    """Change a manifest's fields, its digest made anew."""

    def harm(folder: Path) -> None:
        path = folder / "manifest.json"
        data = json.loads(path.read_text())
        change(data)
        digest = data.pop("digest")
        text = json.dumps({"digest": digest, **data}, indent=1).encode() + b"\n"
        replace(path, digested(text))

    return harm


def field(name: str, value: object) -> Harm:
    return change_manifest(lambda data: data.update({name: value}))


def without(*names: str) -> Harm:
    """Delete the lines of these fields, and change a number, with no digest made anew."""

    def harm(folder: Path) -> None:
        path = folder / "manifest.json"
        lines = path.read_text().replace('"seconds": 1.0', '"seconds": 2.0').splitlines()
        deleted = tuple(f' "{name}": ' for name in names)
        kept = [line for line in lines if not line.startswith(deleted)]
        assert len(kept) == len(lines) - len(names)
        text = "\n".join(kept).replace(",\n}", "\n}") + "\n"
        json.loads(text)
        replace(path, text.encode())

    return harm


def write(content: bytes) -> Harm:
    return lambda folder: replace(folder / "manifest.json", content)


def replace(path: Path, content: bytes) -> None:
    path.unlink()
    path.write_bytes(content)


def in_place_of_manifest(make: Callable[[Path], object]) -> Harm:
    def harm(folder: Path) -> None:
        (folder / "manifest.json").unlink()
        make(folder / "manifest.json")

    return harm


def in_place_of_artifact(make: Callable[[Path], object]) -> Harm:
    def harm(folder: Path) -> None:
        shutil.rmtree(folder)
        make(folder)

    return harm


def change_a_digit(folder: Path) -> None:
    path = folder / "manifest.json"
    content = path.read_bytes()
    assert b'"seconds": 1.0' in content
    replace(path, content.replace(b'"seconds": 1.0', b'"seconds": 2.0'))


HARMS: dict[str, tuple[Harm, str]] = {
    "empty": (write(b""), "manifest.json is empty"),
    "truncated": (lambda f: replace(f / "manifest.json", (f / "manifest.json").read_bytes()[:90]),
                  "manifest.json is not what its digest says"),
    "one digit": (change_a_digit, "manifest.json is not what its digest says"),
    "no digest": (without("digest"), "manifest.json has no digest"),
    "no digest, no schema": (without("digest", "schema"), "manifest.json has no digest"),
    "no schema": (without("schema"), "manifest.json is not what its digest says"),
    "no schema, digested": (change_manifest(lambda data: data.pop("schema")), "it lacks 'schema'"),
    "no checkout": (change_manifest(lambda data: data.pop("checkout")), "it lacks 'checkout'"),
    "schema of before": (field("schema", 0), "'schema' is 0"),
    "schema true": (field("schema", True), "'schema' is True"),
    "not text": (write(b"\xff\xfe\x00"), "manifest.json is not JSON"),
    "not JSON": (write(b"{"), "manifest.json is not JSON"),
    "a list": (write(b"[]"), "manifest.json is not a manifest"),
    "foreign": (write(b'{"name": "left-pad"}'), "manifest.json has no digest"),
    "half": (change_manifest(lambda data: data.pop("key")), "is not a manifest: it lacks 'key'"),
    "deep": (write(b"[" * 100_000), "manifest.json is not JSON"),
    "digits": (write(b'{"seconds": ' + b"1" * 5000 + b"}"), "manifest.json is not JSON"),
    "future": (field("schema", 2), "is of a later version of bench (schema 2, here 1)"),
    "future field": (field("colour", "red"), "'colour' is not known"),
    "spec": (field("spec", []), "'spec' is []"),
    "artifacts": (field("artifacts", [{"path": "x"}]), "'artifacts' is"),
    "a way out": (field("artifacts", [{"path": "../x", "sha256": "0" * 64, "bytes": 1}]),
                  "'artifacts' is"),
    "seconds": (field("seconds", "long"), "'seconds' is 'long'"),
    "nan": (field("seconds", float("nan")), "NaN is not a number"),
    "infinite": (field("seconds", 1e300), "'seconds' is 1e+300"),
    "created": (field("created", "yesterday"), "'created' is 'yesterday'"),
    "no zone": (field("created", "2026-01-01T00:00:00"), "'created' is"),
    "memory": (field("peak_memory_bytes", -1), "'peak_memory_bytes' is -1"),
    "host": (field("host", {"memory_bytes": "much"}), "'host' is"),
    "no runner": (field("environment", {}), "'environment' is {}"),
    "another's": (field("key", "cd" * 32), "its manifest is that of cdcdcdcdcdcd"),
    "missing": (in_place_of_manifest(lambda path: None), "manifest.json is missing"),
    "a folder": (in_place_of_manifest(Path.mkdir), "manifest.json is a folder"),
    "a loop": (in_place_of_manifest(loop), "manifest.json is a link that leads nowhere"),
    "a pipe": (in_place_of_manifest(os.mkfifo), "manifest.json is not a file"),
    "artifact a file": (in_place_of_artifact(Path.touch), "manifest.json is missing"),
    "artifact a loop": (in_place_of_artifact(loop), "manifest.json is a link that leads nowhere"),
    "artifact a pipe": (in_place_of_artifact(os.mkfifo), "manifest.json is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("harm", "reason"), HARMS.values(), ids=HARMS)
def test_what_is_no_artifact_is_found_listed_and_removed(
    store: Store, capsys: pytest.CaptureFixture[str], harm: Harm, reason: str
) -> None:
    folder, sound = put(store).folder, put(store, key="ef" * 32)
    harm(folder)
    with pytest.raises(DamageError) as caught:
        store.find("train", sound.manifest.key.replace("ef", "ab"))
    assert reason in caught.value.reason
    assert "`bench run FILE` sets it aside and makes it again" in caught.value.remedy
    assert [type(one) for one in store.survey()] == [Broken, Entry]
    at = ["--store", str(store.root)]
    assert main(["store", "ls", *at]) == Exit.OK
    damaged, other = capsys.readouterr().out.splitlines()[1:]
    assert "damaged" in damaged
    assert other.startswith("efefefefefef")
    assert main(["store", "show", "ab", *at]) == Exit.STORE
    assert main(["store", "verify", *at]) == Exit.STORE
    shown = capsys.readouterr()
    assert f"damaged train/{folder.name}: " in shown.out
    assert "1 of 2 artifacts is damaged" in shown.err
    store.remove(folder)
    assert [type(one) for one in store.survey()] == [Entry]


STAGES = 10
OTHERS = [name for name in HARMS if name != "one digit"]


@pytest.mark.parametrize("names", [OTHERS[n::6] for n in range(6)], ids=", ".join)
def test_a_run_sets_it_aside_and_makes_it_again(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner, names: list[str]
) -> None:
    """The artifact of each stage is harmed in another way."""

    def run(emit: Callable[[Event], None]) -> Summary:
        return execute(plan(experiments[:1]), resolver, 1, 1, emit)

    run(lambda event: None)
    folders = sorted(entry.folder for entry in resolver.store.entries())
    assert len(folders) == STAGES >= len(names)
    harmed = dict(zip(names, folders, strict=False))
    for name, folder in harmed.items():
        HARMS[name][0](folder)
    runner.ran.clear()
    seen: list[Event] = []
    assert run(seen.append).exit_code == Exit.OK
    stages = sorted(folder.parent.name for folder in harmed.values())
    assert sorted(line.split()[0] for line in runner.ran) == stages
    notes = [event.text for event in seen if isinstance(event, Note)]
    for name, folder in harmed.items():
        stage = folder.parent.name
        assert any(f"{stage} artifact is corrupted" in text for text in notes), name
        assert len(list((resolver.store.root / "failed" / stage).iterdir())) == 1, name
    assert [type(one) for one in resolver.store.survey()] == [Entry] * STAGES
    again = execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    assert again.count("kept") == STAGES


@pytest.mark.parametrize(
    ("harm", "damage"),
    [
        (lambda f: replace(f, b"x"), "metrics.json has another size"),
        (lambda f: (f.unlink(), f.mkdir()), "metrics.json is missing"),
        (lambda f: (f.unlink(), os.mkfifo(f)), "metrics.json is not a file"),
        (lambda f: (f.unlink(), loop(f)), "metrics.json is a link that leads nowhere"),
        (lambda f: os.mkfifo(f.with_name("more")), "more does not belong there"),
        (lambda f: shutil.rmtree(f.parent), "metrics.json is missing"),
        (lambda f: (shutil.rmtree(f.parent), loop(f.parent)), "metrics.json is missing"),
    ],
)
def test_a_file_that_is_none_is_damage(
    experiments: Sequence[Point], resolver: Resolver, harm: Harm, damage: str
) -> None:
    execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    entry = next(e for e in resolver.store.entries() if e.manifest.stage == "export")
    harm(entry.files / "metrics.json")
    assert entry.damage() == [damage]
    assert execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None).exit_code == Exit.OK


def test_a_stage_that_leaves_a_pipe_has_failed(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    runner.before = lambda job: os.mkfifo(job.request.outputs / "pipe")
    summary = execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    assert summary.exit_code == Exit.STAGE_FAILED
    assert "left 'pipe', neither a file nor a folder" in summary.errors[0].what


def test_a_result_that_no_manifest_can_hold_is_refused(store: Store) -> None:
    with store.session():
        workspace = store.workspace("train", KEY)
        wrong = dataclasses.replace(manifest(workspace.files), timings={"build": -1.0})
        with pytest.raises(StoreError, match="timings"):
            store.commit(workspace, wrong)
    assert list(store.survey()) == []


REPORTING = (["report"], ["claims"], ["export"], ["why"])


@pytest.mark.parametrize("words", REPORTING, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("files/metrics.json", "0.9531", "0.9631", "metrics.json has another SHA-256"),
        ("files/metrics.json", "{", "[{", "metrics.json has another SHA-256"),
        ("manifest.json", '"epochs": 2', '"epochs": 3', "is not what its digest says"),
        ("manifest.json", "{", "[{", "manifest.json is not JSON"),
    ],
)
def test_a_number_changed_in_the_store_is_not_reported(
    on_built: Built,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    name: str,
    old: str,
    new: str,
    says: str,
) -> None:
    (path,) = on_built.resolver.store.root.glob(f"train/*/{name}")
    text = path.read_text()
    assert old in text
    replace(path, text.replace(old, new, 1).encode())
    before = (on_built.resolver.store.root / "reports" / "test" / "results.csv").read_bytes()
    assert main(command_line(words, on_built, tmp_path)) == Exit.STORE
    shown = capsys.readouterr()
    assert f"The artifact train/tfc-mnist-w2a2-s1--{path.parts[-2 - name.count('/')][-12:]}" in (
        shown.err
    )
    assert says in shown.err
    assert "0.9631" not in shown.out
    after = (on_built.resolver.store.root / "reports" / "test" / "results.csv").read_bytes()
    assert after == before
    assert not (tmp_path / "x.tar.gz").exists()


@pytest.mark.parametrize("words", REPORTING, ids=lambda words: words[0])
def test_a_manifest_without_its_digest_is_not_reported(
    on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    (folder,) = on_built.resolver.store.root.glob("train/*")
    without("digest", "schema")(folder)
    assert main(command_line(words, on_built, tmp_path)) == Exit.STORE
    assert "is damaged: manifest.json has no digest." in capsys.readouterr().err


def test_a_damaged_file_is_not_packed(
    on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = on_built.resolver.store.root.glob("train/*/files/metrics.json")
    manifest = Manifest.read(path.parents[1])
    assert [one.path for one in manifest.artifacts] == ["metrics.json"]
    command = [*command_line(["export"], on_built, tmp_path), "--with", "all"]
    large = next(on_built.resolver.store.root.glob("dataset/*/files/*"))
    content = bytearray(large.read_bytes())
    content[0] ^= 1
    replace(large, bytes(content))
    assert main(command) == Exit.STORE
    assert f"damaged: {large.name} has another SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "x.tar.gz").exists()
    large.unlink()
    assert main(command) == Exit.STORE
    assert f"damaged: files/{large.name} is missing" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["report"], ["claims"], ["export"], ["why"]], ids=str)
def test_a_store_that_is_not_there_is_an_error(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    command = command_line(words, built, tmp_path)
    command[command.index("--store") + 1] = str(tmp_path / "typo")
    assert main(command) == Exit.STORE
    assert f"There is no store at {tmp_path / 'typo'}" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("words", [["ls"], ["show", "3f"], ["verify"], ["gc"]], ids=str)
def test_looking_into_a_store_that_is_not_there_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main(["store", *words, "--store", str(tmp_path / "typo")]) == Exit.STORE
    assert "There is no store at" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_artifacts_of_a_stage_of_another_version_are_not_overlooked(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = put(store)
    (store.root / "train").rename(store.root / "fine_tune")
    (store.root / "notes" / "mine").mkdir(parents=True)
    assert [one.folder.parent.name for one in store.survey()] == ["fine_tune"]
    file = store.root / "fine_tune" / entry.folder.name / "files" / "sub" / "weights.bin"
    replace(file, b"WEIGHTS")
    assert main(["store", "verify", "--store", str(store.root)]) == Exit.STORE
    assert "damaged fine_tune/net--abababababab: sub/weights.bin" in capsys.readouterr().out


def test_gc_removes_what_is_damaged_and_keeps_what_rests_on_it(
    grid_file: Path,
    store: Store,
    experiments: tuple[Point, ...],
    resolver: Resolver,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    execute(plan(experiments), resolver, 1, 1, lambda event: None)
    folder = next((store.root / "train").iterdir())
    replace(folder / "manifest.json", b"")
    assert main(["store", "gc", str(grid_file), *as_command]) == Exit.OK
    assert f"removed {folder} (manifest.json is empty)" in capsys.readouterr().out
    assert len(list(store.entries())) == 28


def test_the_listing_is_read_again_where_a_manifest_has_changed(
    store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> str:
        assert main(["store", "ls", "--store", str(store.root)]) == Exit.OK
        return capsys.readouterr().out

    entry = put(store)
    first = shown()
    read: list[Path] = []
    real = Entry.read
    monkeypatch.setattr(Entry, "read", lambda folder: read.append(folder) or real(folder))
    assert shown() == first
    assert read == []
    field("status", "infeasible")(entry.folder)
    assert "infeasible" in shown()
    assert read == [entry.folder]
    cache = store.root / "cache" / "listing.json"
    cache.write_text(cache.read_text().replace("infeasible", "done"))
    assert "infeasible" in shown()
    replace(entry.folder / "manifest.json", b"{")
    assert "damaged" in shown()
    cache.unlink()
    cache.mkdir()
    assert "damaged" in shown()


def test_the_digest_is_that_of_what_follows_it(store: Store) -> None:
    """As artifacts/README.md says: `tail -n +3 manifest.json | sha256sum`."""
    content = (put(store).folder / "manifest.json").read_bytes()
    _, line, rest = content.split(b"\n", 2)
    assert json.loads(content)["digest"] == hashlib.sha256(rest).hexdigest()
    assert line.startswith(b' "digest": "')
