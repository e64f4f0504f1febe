"""Whole archives: complete and the same every time; whatever was done to one is found."""

from __future__ import annotations

import errno
import os
import tarfile
from pathlib import Path

import pytest
from built_archive import RESULTS, Built, change, command_line, contents, repack

from bench import archive
from bench.archive import bag, writer
from bench.cli import main
from bench.errors import Exit, StoreError

pytestmark = pytest.mark.usefixtures("no_fsync")


@pytest.mark.parametrize("suffix", ["tgz", "zip"])
def test_an_archive_is_the_same_every_time_and_verifies(
    built: Built, tmp_path: Path, suffix: str
) -> None:
    one = built.pack(tmp_path / f"one.{suffix}", "logs")
    other = built.pack(tmp_path / f"other.{suffix}", "logs")
    assert one.read_bytes() == other.read_bytes()
    checked = archive.verify(one)
    assert checked.findings == []
    assert checked.manifests == 13
    assert checked.values > 90
    files = contents(one)
    assert {"CITATION.cff", "LICENSE", ".zenodo.json", "bagit.txt"} <= files.keys()
    assert f"{bag.GRIDS}foldings.toml" in files
    assert any(name.endswith("log.txt") for name in files if "/failed/" in name)
    assert b",failed,simulate," in files["data/store/reports/grid/results.csv"]


def test_only_what_is_wanted_comes_along(built: Built, tmp_path: Path) -> None:
    assert not any(name.endswith("/request.json") for name in built.files)
    everything = contents(built.pack(tmp_path / "all.zip", "all"))
    assert any(name.endswith("/request.json") for name in everything)
    assert archive.verify(tmp_path / "all.zip").findings == []


def test_the_page_finds_what_it_leads_to(tmp_path: Path) -> None:
    built = Built(tmp_path, infeasible=True)
    store = built.resolver.store.root
    for name in ("manifest.json", "log.txt"):
        (path,) = store.glob(f"compile/*-max--*/{name}")
        link = os.path.relpath(path, store / "reports" / "test")
        assert os.path.normpath(f"{bag.REPORT}{link}") in built.files


def test_an_unpacked_archive_verifies(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.pack(tmp_path / "a.tar.gz")) as tar:
        tar.extractall(tmp_path, filter="data")
    assert archive.verify(tmp_path / "finn-bench-test").findings == []


@pytest.mark.parametrize("suffix", [".tar.gz", ".zip"])
def test_an_export_packs_what_its_dry_run_names(
    on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str
) -> None:
    target = tmp_path / f"t{suffix}"
    command = [*command_line(["export"], on_built, tmp_path)[:-1], str(target)]
    assert main([*command, "--dry-run"]) == Exit.OK
    *named, total = capsys.readouterr().out.splitlines()
    assert not target.exists()
    assert main(command) == Exit.OK
    written = capsys.readouterr().out.splitlines()[0]
    packed = contents(target)
    assert sorted(line.removeprefix("would pack: ") for line in named) == sorted(packed)
    count = f": {len(packed)} files, "
    assert count in total
    assert count in written
    assert main([*command, "--dry-run"]) == main(command) == Exit.CONFIG  # it is there already


def test_what_an_export_cannot_read_its_dry_run_cannot(
    on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store" / "reports" / "test" / "\udce4.txt").write_text("")
    command = command_line(["export"], on_built, tmp_path)
    assert main([*command, "--dry-run"]) == main(command) == Exit.CONFIG
    assert capsys.readouterr().err.count("is not UTF-8 and cannot be put into an archive") == 2


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_a_full_disk_leaves_nothing(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / f"a.{suffix}"
    target.write_bytes(b"the one from before")
    monkeypatch.setattr(writer._Tar if suffix == "tar.gz" else writer._Zip, "add", full)
    with pytest.raises(StoreError, match="No space left on device"):
        built.pack(target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_bytes() == b"the one from before"


def test_the_commands(on_built: Built, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "t.tar.gz"
    command = [*command_line(["export"], on_built, tmp_path)[:-1], str(target)]
    assert main([*command, "--dry-run"]) == Exit.OK
    assert "would pack: data/store/reports/grid/results.csv" in capsys.readouterr().out
    assert not target.exists()
    assert main(command) == Exit.OK
    assert main(command) == Exit.CONFIG
    assert main([*command, "--force"]) == Exit.OK
    assert main(["verify", str(target)]) == Exit.OK
    assert "everything is correct" in capsys.readouterr().out
    assert main([*command[:-1], str(tmp_path / "t.rar")]) == Exit.CONFIG
    files = contents(target)
    change(RESULTS, "0.9531", "0.9731")(files)
    assert main(["verify", str(repack(files, tmp_path / "bad.zip"))]) == Exit.DIFFERENT
    shown = capsys.readouterr().out
    assert "wrong: results.csv, line 2" in shown
    assert "do not trust it" in shown
