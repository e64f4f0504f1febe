"""Comparison: what is equal, within tolerance, different, missing, and the exit code."""

from __future__ import annotations

import csv
import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from built_archive import Built, digested
from fakes import FakeRunner

from bare_runner import resolver_on
from bench.cli import main
from bench.errors import ConfigError, Exit
from bench.grids.experiment import Point
from bench.pipeline import execute, plan
from bench.report.compare import compare_artifacts, compare_results, read_results
from bench.results import File, columns, identity, names
from bench.results.tolerance import UNKNOWN, Rule
from bench.store import DamageError, Store

COLUMNS = columns(File.RESULTS)
IDENTITY = identity()
BASE = dict.fromkeys(names(COLUMNS), "") | {
    "network": "TFC", "dataset": "MNIST", "weight_bits": "2", "act_bits": "2", "seed": "1",
    "board": "Pynq-Z1", "test_images": "10000", "accuracy": "0.9606", "sim_images": "1000",
    "sim_accuracy": "0.963",
    "ii_simulated": "64.0", "fps_measured": "781250.0", "measured_on": "emulated-board",
    "runner": "venv", "best_epoch": "5", "wns_ns": "0.2", "lut_synth": "1000",
    "lut": "560", "dsp": "12", "status": "done",
}  # fmt: skip


def write(folder: Path, *changes: dict[str, str], without: Sequence[str] = ()) -> Path:
    """A report of one row per folding, each changed by one of `changes`."""
    rows = [BASE | {"folding": f} | c for f, c in zip(("low", "max"), changes, strict=False)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "results.csv").open("w", newline="") as file:
        columns = [name for name in BASE if name not in without]
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return folder / "results.csv"


def test_every_column_is_compared_by_a_stated_tolerance() -> None:
    compared = [column for column in COLUMNS if not column.identity]
    assert [column.name for column in compared if column.tolerance == UNKNOWN] == []
    assert all(column.tolerance.why for column in compared)


@pytest.mark.parametrize(
    ("column", "value", "state"),
    [
        ("ii_simulated", "64", "equal"),
        ("ii_simulated", "64.01", "different"),
        ("accuracy", "0.9660", "within"),       # 3 standard errors are 0.8 points
        ("accuracy", "0.9706", "different"),
        ("sim_accuracy", "0.980", "within"),    # of a tenth of the images: 2.5 points
        ("sim_accuracy", "0.999", "different"),
        ("accuracy", "", "missing"),
        ("accuracy", "high", "different"),
        ("accuracy", "nan", "different"),
        ("status", "failed: train", "different"),
        ("fps_measured", "781000", "different"),
        ("wns_ns", "-0.2", "within"),
        ("wns_ns", "-0.4", "different"),
        ("lut_synth", "1040", "within"),
        ("lut", "591", "within"),               # as another training gave it
        ("lut", "640", "different"),
        ("dsp", "13", "different"),
    ],
)  # fmt: skip
def test_values(tmp_path: Path, column: str, value: str, state: str) -> None:
    found = compare_results(write(tmp_path / "a", {}), write(tmp_path / "b", {column: value}))
    assert found.counts[column] == {state: 1}
    assert found.alike == (state in ("equal", "within"))


@pytest.mark.parametrize("value", ["inf", "-inf", "1e400"])
@pytest.mark.parametrize(
    "column",
    [
        column.name
        for column in COLUMNS
        if not column.identity
        and column.tolerance.rule != Rule.NOT_COMPARED
        and not column.name.endswith("_images")
    ],
)
def test_infinity_is_within_no_tolerance(tmp_path: Path, column: str, value: str) -> None:
    one, other = write(tmp_path / "a", {column: "0.5"}), write(tmp_path / "b", {column: value})
    assert compare_results(one, other).counts[column] == {"different": 1}


@pytest.mark.parametrize("images", ["0", "-1", "nan", "none"])
def test_an_accuracy_over_no_images_is_different(tmp_path: Path, images: str) -> None:
    other = {"sim_images": images, "sim_accuracy": "0.964"}
    found = compare_results(write(tmp_path / "a", {}), write(tmp_path / "b", other))
    assert found.counts["sim_accuracy"] == {"different": 1}


def test_a_byte_order_mark_is_no_part_of_a_column(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a", {}), write(tmp_path / "b", {})
    other.write_bytes(b"\xef\xbb\xbf" + other.read_bytes())
    found = compare_results(one, other)
    assert found.alike
    assert found.only == ((), ())


def test_where_and_by_what_is_not_compared(tmp_path: Path) -> None:
    other = {"runner": "docker", "best_epoch": "6", "reason": "x", "board_name": "lab-3"}
    assert compare_results(write(tmp_path / "a", {}), write(tmp_path / "b", other)).alike


def test_a_board_may_be_a_tenth_off_the_emulated_one(tmp_path: Path) -> None:
    emulated = write(tmp_path / "a", {})
    board = {"measured_on": "board", "fps_measured": "730000"}
    assert compare_results(emulated, write(tmp_path / "b", board)).alike
    slow = board | {"fps_measured": "690000"}
    assert not compare_results(emulated, write(tmp_path / "c", slow)).alike


def test_a_row_on_one_side_is_missing(tmp_path: Path) -> None:
    found = compare_results(write(tmp_path / "a", {}, {}), write(tmp_path / "b", {}))
    assert [(d.row, d.a, d.state) for d in found.differences] == [
        ("TFC MNIST 2 2 max 1 Pynq-Z1", "there", "missing")
    ]


def test_columns_of_another_version_are_said_and_no_difference(tmp_path: Path) -> None:
    old = write(tmp_path / "a", {}, without=("wns_ns", "board_name"))
    found = compare_results(old, write(tmp_path / "b", {}))
    assert found.alike
    assert found.only == ((), ("wns_ns", "board_name"))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no column 'network'"),
        (b"a,b\n1,2\n", "no column 'network'"),
        (b"\xff\xfe\x00", "is not CSV"),
        (",".join(IDENTITY).encode() + b"\n", "has no rows"),
        (",".join((*IDENTITY, "lut", "lut")).encode() + b"\nT,M,2,2,low,1,P,5,6\n",
         "has the column 'lut' twice"),
        (",".join(IDENTITY).encode() + b"\nTFC,MNIST\n", "incomplete"),
        (",".join(IDENTITY).encode() + b"\n" + b"T,M,2,2,low,1,P\n" * 2, "appears twice"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_said(tmp_path: Path, data: bytes, says: str) -> None:
    (tmp_path / "results.csv").write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_results(tmp_path / "results.csv")
    assert says in f"{caught.value.what} {caught.value.remedy}"


def test_artifacts_are_compared_by_content(
    experiments: tuple[Point, ...], store: Store, tmp_path: Path
) -> None:
    for root in (store.root, tmp_path / "other"):
        resolver = resolver_on(root, FakeRunner())
        execute(plan(experiments[:1]), resolver, 1, 1, lambda event: None)
    other = Store(tmp_path / "other")
    states = {found.state for found in compare_artifacts(store.entries(), other.entries())}
    assert states == {"equal"}
    # The same recipe gave another checkpoint, and one simulation is not there.
    (entry,) = (one for one in other.entries() if one.manifest.stage == "train")
    file = entry.files / entry.manifest.artifacts[0].path
    old = entry.manifest.artifacts[0].sha256
    content = bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:]
    file.unlink()
    file.write_bytes(content)
    with pytest.raises(DamageError, match="has another SHA-256"):
        list(compare_artifacts(store.entries(), other.entries()))
    manifest = entry.folder / "manifest.json"
    manifest.chmod(0o644)
    text = manifest.read_text().replace(old, hashlib.sha256(content).hexdigest())
    manifest.write_bytes(digested(text.encode()))
    shutil.rmtree(other.root / "simulate")
    found = {f.stage: f for f in compare_artifacts(store.entries(), other.entries())}
    assert (found["train"].state, found["train"].same_key) == ("different", True)
    assert found["simulate"].state == "missing"
    assert found["export"].state == "equal"


def test_artifacts_of_stages_that_are_in_no_flow_are_compared_last(
    experiments: tuple[Point, ...], store: Store
) -> None:
    """`bench inspect` leaves samples; a store may be of another version, or have extensions."""
    execute(plan(experiments[:1]), resolver_on(store.root, FakeRunner()), 1, 1, lambda event: None)
    entries = list(store.entries())
    entry = next(one for one in entries if one.manifest.stage == "export")
    for stage in ("sample", "a-stage-of-old"):
        entries.insert(0, replace(entry, manifest=replace(entry.manifest, stage=stage)))
    found = [one.stage for one in compare_artifacts(entries, store.entries())]
    assert found[-2:] == ["a-stage-of-old", "sample"]
    assert found[0] == "dataset"


def test_the_command_tells_ci(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def compare(*arguments: str) -> int:
        return main(["compare", *(str(tmp_path / argument) for argument in arguments)])

    for store, values in (("a", {}), ("b", {"accuracy": "0.9610"}), ("c", {"accuracy": "0.5"})):
        write(tmp_path / store / "reports" / "quick", values)
    assert compare("a", "b") == Exit.OK
    assert "alike" in capsys.readouterr().out
    assert compare("a", "c") == Exit.DIFFERENT
    shown = capsys.readouterr().out
    assert "different: TFC MNIST 2 2 low 1 Pynq-Z1: accuracy: 0.9606 | 0.5" in shown
    assert compare("a/reports/quick", "b/reports/quick/results.csv") == Exit.OK
    write(tmp_path / "b" / "reports" / "mine", {})
    assert compare("a", "b") == Exit.DIFFERENT
    assert "grid 'mine' is in" in capsys.readouterr().out
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--grid", "quick"]) == 0
    assert compare("a", "nowhere") == Exit.CONFIG
    assert "has no report" in capsys.readouterr().err


@pytest.mark.parametrize("harmed", ["a", "b"])
def test_stores_are_alike_only_if_their_files_are_what_they_vouch_for(
    on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str], harmed: str
) -> None:
    for name in ("a", "b"):
        shutil.copytree(on_built.resolver.store.root, tmp_path / name, symlinks=True)
    command = ["compare", str(tmp_path / "a"), str(tmp_path / "b")]
    assert main(command) == Exit.OK
    (metrics,) = (tmp_path / harmed).glob("train/*/files/metrics.json")
    content = metrics.read_bytes()
    metrics.unlink()
    metrics.write_bytes(content.replace(b"0.9531", b"0.9631"))
    capsys.readouterr()
    assert main(command) == Exit.STORE
    shown = capsys.readouterr()
    assert f"The artifact train/{metrics.parts[-3]} is damaged: metrics.json" in shown.err
    assert not shown.out.endswith("alike\n")
