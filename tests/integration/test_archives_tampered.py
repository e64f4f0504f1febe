"""Whole archives: whatever was done to one is found, even with checksums made anew."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from built_archive import RESULTS, Built, Files, change, digested, repack, sealed, write_zip

from bench import archive
from bench.archive import bag
from bench.archive.bag import ArchiveError
from bench.cli import main
from bench.errors import Exit

pytestmark = pytest.mark.usefixtures("no_fsync")


def name_of(files: Files, stage: str, file: str) -> str:
    """The path of a file of the first artifact of a stage."""
    prefix = f"{bag.STORE}{stage}/"
    return next(name for name in files if name.startswith(prefix) and name.endswith(file))


def change_metric(files: Files) -> None:
    """A better accuracy in the training's metrics and in both tables."""
    for name in (
        name_of(files, "train", "metrics.json"), "data/store/reports/grid/results.csv",
        "data/store/reports/grid/trainings.csv",
    ):  # fmt: skip
        files[name] = files[name].replace(b"0.95310000000001", b"0.99310000000001")


def change_metric_and_manifest(files: Files) -> None:
    """The same, and its hash in the manifest, too."""
    metrics, manifest = (name_of(files, "train", f"/{n}.json") for n in ("metrics", "manifest"))
    old = hashlib.sha256(files[metrics]).hexdigest()
    change_metric(files)
    new = hashlib.sha256(files[metrics]).hexdigest()
    files[manifest] = digested(files[manifest].replace(old.encode(), new.encode()))


def change_spec(files: Files) -> None:
    name = name_of(files, "train", "manifest.json")
    files[name] = digested(files[name].replace(b'"epochs": 2', b'"epochs": 1'))


def change_spec_only(files: Files) -> None:
    name = name_of(files, "train", "manifest.json")
    files[name] = files[name].replace(b'"epochs": 2', b'"epochs": 1')


def drop(stage: str, file: str) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        del files[name_of(files, stage, file)]

    return edit


def drop_a_row(files: Files) -> None:
    lines = files["data/store/reports/grid/results.csv"].splitlines(keepends=True)
    files["data/store/reports/grid/results.csv"] = b"".join(lines[:-1])


REPORT = "data/store/reports/grid/"


PAGE = f"{REPORT}index.html"


def change_figure(suffix: str, old: str, new: str) -> Callable[[Files], None]:
    """Change the first figure's file of a kind that holds `old`."""

    def edit(files: Files) -> None:
        of_figures = (n for n in files if n.startswith(f"{REPORT}figures/") and n.endswith(suffix))
        name = next(name for name in of_figures if old.encode() in files[name])
        change(name, old, new)(files)

    return edit


def add_a_column(files: Files) -> None:
    first, *rows = files[RESULTS].decode().splitlines()
    lines = [f"{first},speedup", *(f"{row},62.0" for row in rows)]
    files[RESULTS] = ("\n".join(lines) + "\n").encode()


def add_a_cell(files: Files) -> None:
    files[TRAININGS] = files[TRAININGS].rstrip(b"\n") + b",62.0\n"


TRAININGS = "data/store/reports/grid/trainings.csv"


CLAIMS = "data/store/reports/grid/claims.json"


def put(stage: str, file: str, data: bytes) -> Callable[[Files], None]:
    def edit(files: Files) -> None:
        files[name_of(files, stage, "/metrics.json").replace("metrics.json", file)] = data

    return edit


# Several at once where one does not hide the other: each archive takes 40 ms to check.
@pytest.mark.parametrize(
    "tampering",
    [
        [
            (change(RESULTS, "0.95310000000001", "0.97310000000001"),
             "results.csv, line 2 (tfc-mnist-w2a2-s1-low): accuracy is 0.97310000000001, "
             "the manifests give 0.95310000000001"),
            (change(RESULTS, ",failed,simulate,", ",done,simulate,"), "status is done, the "
             "manifests"),
            (change(TRAININGS, "0.9531", "0.9931"), "trainings.csv, line 2"),
            (change(CLAIMS, '"verdict": "', '"verdict": "very '), "claims.json, C1: verdict is"),
        ],
        [
            (change(RESULTS, ",accuracy,", ",acuracy,"), "results.csv has no column accuracy"),
            (change(CLAIMS, "{", "[{"), "claims.json holds no claims"),
        ],
        [
            (drop_a_row, "results.csv has 1 row, the manifests give 2"),
            (lambda files: files.pop(f"{bag.GRIDS}claims.toml"), "claims.toml, by which"),
        ],
        [
            (lambda files: files.pop(RESULTS), "results.csv is missing"),
            (change_spec, "its parameters are not those of tfc-mnist-w2a2-s1"),
        ],
        [
            (change_metric, "metrics.json is not what its manifest says"),
            (drop("measure", "manifest.json"), "its manifest is missing"),
        ],
        [
            (change_metric_and_manifest, "what it was made from is not what the archive holds"),
            (drop("simulate", "metrics.json"), "metrics.json is missing"),
            (put("train", "more.json", b"x"), "more.json is not in its"),
        ],
        [
            (change(PAGE, "95.31", "97.31"), "index.html says something that the manifests do not"),
            (change(f"{REPORT}results.md", "95.31%", "97.31%"), "results.md says something"),
            (change_figure(".csv", "0.9531", "0.9731"), "csv, line 2 ("),
            (change(f"{REPORT}ro-crate-metadata.json", "Results of finn-bench", "The results of"),
             "ro-crate-metadata.json says something"),
            (add_a_column, "results.csv has a column speedup, which the manifests do not give"),
            (add_a_cell, "trainings.csv, line 2 (tfc-mnist-w2a2-s1): an additional column is 62.0"),
        ],
        [
            (lambda files: files.pop(PAGE), "index.html is missing"),
            (lambda files: files.pop(f"{REPORT}results.md"), "results.md is missing"),
            (lambda files: files.pop(f"{REPORT}claims.json"), "claims.json is missing"),
            (lambda files: files.pop(f"{REPORT}figures/throughput.csv"),
             "throughput.csv is missing"),
        ],
        [(change(PAGE, "<svg>", "<b>1,000 times</b><svg>"), "index.html says something")],
        [(put("compile", "metrics.json", b"{"), "metrics.json has another SHA-256")],
        [(change_spec_only, "manifest.json is not what its digest says")],
        [(lambda files: files.update({name_of(files, "train", "manifest.json"): b"[]"}),
          "is not a manifest")],
        [(lambda files: files.update({RESULTS: b"\xff\xfe"}), "results.csv is not CSV")],
    ],
)  # fmt: skip
def test_tampering_is_found_even_with_new_checksums(
    built: Built, tmp_path: Path, tampering: list[tuple[Callable[[Files], object], str]]
) -> None:
    files = dict(built.files)
    for edit, _ in tampering:
        edit(files)
    checked = archive.verify(repack(files, tmp_path / "a.zip"))
    for _, finding in tampering:
        assert any(finding in one for one in checked.findings), checked.findings


@pytest.mark.parametrize("junk", [b'{"a":' * 100_000, b"\xff\xfe", b"9" * 5000, b"null"])
def test_whatever_a_file_holds_it_is_a_finding(built: Built, tmp_path: Path, junk: bytes) -> None:
    """Files of one kind at once; no exception of any other kind."""
    kinds = ("manifest.json", "metrics.json", "points.json", "claims.json", ".csv", ".toml")
    for kind in kinds:
        files = {n: junk if n.endswith(kind) else data for n, data in built.files.items()}
        path = repack(files, tmp_path / f"{kind}.zip")
        if kind == "points.json":
            with pytest.raises(ArchiveError, match="cannot be read"):
                archive.verify(path)
        else:
            assert archive.verify(path).findings, kind
    for tag in (bag.BAGIT, bag.BAG_INFO, bag.MANIFEST, bag.TAG_MANIFEST):
        path = write_zip(tmp_path / f"{tag}.zip", {**built.files, tag: junk})
        if tag == bag.BAG_INFO:
            assert archive.verify(path).findings
        else:
            with pytest.raises(ArchiveError):
                archive.verify(path)


def test_what_is_not_tampered_with_is_not_found(built: Built, tmp_path: Path) -> None:
    assert archive.verify(repack(dict(built.files), tmp_path / "a.zip")).findings == []


def test_what_is_not_checked_is_said(built: Built, tmp_path: Path) -> None:
    files = dict(built.files)
    files[f"{REPORT}notes.html"] = b"62 times"
    change(bag.POINTS, '"renderer": "', '"renderer": "0')(files)
    change(PAGE, "95.31", "97.31")(files)
    checked = archive.verify(repack(files, tmp_path / "a.zip"))
    # The renderer is said to be another one: then nobody can tell what it would have written.
    assert checked.findings == []
    another = "which another version of bench wrote"
    texts = [f"{name}, {another}" for name in ("index.html", "ro-crate-metadata.json")]
    assert checked.unchecked == [*texts, "notes.html"]


def test_nonsense_in_a_bag_is_no_traceback(built: Built, tmp_path: Path) -> None:
    for name in (bag.BAGIT, bag.MANIFEST, bag.TAG_MANIFEST):
        files = dict(built.files)
        files[name] = b"\xff\xfe"
        with pytest.raises(ArchiveError):
            archive.verify(write_zip(tmp_path / "a.zip", files))
    deep = b"[" * 100_000
    for name in (bag.POINTS, CLAIMS, name_of(built.files, "train", "manifest.json")):
        for nonsense in (deep, b"\xff\xfe", b""):
            files = dict(built.files) | {name: nonsense}
            try:
                assert archive.verify(repack(files, tmp_path / "a.zip")).findings
            except ArchiveError:
                assert name == bag.POINTS


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (change(RESULTS, "0.9531", "0.9731"), f"{RESULTS} has another SHA-256"),
        (lambda files: files.pop("LICENSE"), "LICENSE is missing"),
        (lambda files: files.update({"data/more": b""}), "data/more is not in manifest-sha256"),
        (lambda files: files.update({"more": b""}), "more is not in tagmanifest-sha256"),
    ],
)
def test_old_checksums_are_compared(
    built: Built, tmp_path: Path, edit: Callable[[Files], object], finding: str
) -> None:
    files = dict(built.files)
    edit(files)
    checked = archive.verify(write_zip(tmp_path / "a.zip", files))
    assert any(finding in one for one in checked.findings), checked.findings


OXUM = re.compile(rb"Payload-Oxum: .*\n")


@pytest.mark.parametrize(
    ("name", "edit", "finding"),
    [
        (bag.BAG_INFO, lambda old: OXUM.sub(b"Payload-Oxum: 1.1\n", old),
         "bag-info.txt: Payload-Oxum is 1.1, the payload's is "),
        (bag.BAG_INFO, lambda old: old + b"payload-oxum: 2.2\n", "Payload-Oxum is 2.2"),
        (bag.BAG_INFO, lambda old: OXUM.sub(b"", old), "bag-info.txt has no Payload-Oxum"),
        (bag.BAGIT, lambda old: old.replace(b"UTF-8", b"UTF-16"), "bagit.txt is not the two lines"),
        (bag.BAGIT, lambda old: old.replace(b"1.0", b"1.1"), "bagit.txt is not the two lines"),
        (bag.BAGIT, lambda old: old + b"More: 1\n", "bagit.txt is not the two lines"),
        ("LICENSE", lambda old: old + b"x", "LICENSE is not what `bench export` writes"),
        ("CITATION.cff", lambda old: b"", "CITATION.cff is not what `bench export` writes"),
        (".zenodo.json", lambda old: old.replace(b"BSD-3", b"BSD-4"), ".zenodo.json is not what"),
        ("LICENSE", None, "LICENSE is missing"),
    ],
)  # fmt: skip
def test_tag_files_are_checked_even_with_new_checksums(
    built: Built,
    tmp_path: Path,
    name: str,
    edit: Callable[[bytes], bytes] | None,
    finding: str,
) -> None:
    files = dict(built.files)
    old = files.pop(name)
    if edit is not None:
        files[name] = edit(old)
        assert files[name] != old
    checked = archive.verify(write_zip(tmp_path / "a.zip", sealed(files)))
    assert len(checked.findings) == 1
    assert finding in checked.findings[0]


def test_tag_files_of_another_version_and_unknown_ones_are_said(
    built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = dict(built.files)
    change(bag.POINTS, '"renderer": "', '"renderer": "0')(files)
    files["LICENSE"] += b"x"
    files["notes.txt"] = b"62 times"
    path = repack(files, tmp_path / "a.zip")
    assert main(["verify", str(path)]) == Exit.OK
    shown = capsys.readouterr().out
    assert "not checked: LICENSE, which another version of bench wrote\n" in shown
    assert "not checked: notes.txt\n" in shown
    assert "not checked: bag-info.txt, except its Payload-Oxum\n" in shown
    assert "CITATION.cff" not in shown
