"""Archives: whatever was done to one is found, and nothing in one leads out of it."""

from __future__ import annotations

import errno
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from built_archive import Built, repack, write_zip

from bench import archive
from bench.archive import bag
from bench.archive.bag import ArchiveError
from bench.errors import ConfigError


def test_a_folder_that_cannot_be_read_is_said(
    built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(built.packed) as tar:
        tar.extractall(tmp_path, filter="data")
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("/reports"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ArchiveError, match="reports: Permission denied"):
        archive.verify(tmp_path / "finn-bench-test")


@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_a_half_written_archive_is_never_taken_for_a_whole_one(
    built: Built, tmp_path: Path, suffix: str
) -> None:
    packed = built.packed if suffix == "tar.gz" else repack(built.files, tmp_path / "whole.zip")
    whole = packed.read_bytes()
    half = tmp_path / f"half.{suffix}"
    for size in (3, 10, len(whole) // 2, len(whole) - 9, len(whole) - 1):
        half.write_bytes(whole[:size])
        with pytest.raises(ArchiveError, match=r"cannot be read to its end|neither"):
            archive.verify(half)


def test_one_damaged_byte_is_found(built: Built, tmp_path: Path) -> None:
    whole = bytearray(built.packed.read_bytes())
    whole[len(whole) // 2] ^= 1
    (tmp_path / "a.tar.gz").write_bytes(whole)
    with pytest.raises(ArchiveError):
        archive.verify(tmp_path / "a.tar.gz")


@pytest.mark.parametrize(
    "name", ["top/../x", "../x", "/etc/x", "top/..\\..\\x", "top//x", "top/./x", "x"]
)
@pytest.mark.parametrize("suffix", ["tar.gz", "zip"])
def test_paths_that_lead_out_are_refused(tmp_path: Path, suffix: str, name: str) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "zip":
        write_zip(path, {"top/bagit.txt": b"", name: b"x"}, top="")
    else:
        with tarfile.open(path, "w:gz") as tar:
            for each in ("top/bagit.txt", name):
                tar.addfile(tarfile.TarInfo(each), io.BytesIO())
    with pytest.raises(ArchiveError, match=r"could lead out|beside"):
        archive.verify(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
        with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
            entry = tarfile.TarInfo("top/link")
            entry.type, entry.linkname = kind, "/etc/passwd"
            tar.addfile(entry)
        with pytest.raises(ArchiveError, match="a link or a device"):
            archive.verify(tmp_path / "a.tar.gz")
    entry = zipfile.ZipInfo("top/link")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(entry, "/etc/passwd")
    with pytest.raises(ArchiveError, match="a link"):
        archive.verify(tmp_path / "a.zip")


def test_a_file_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        for _ in "ab":
            tar.addfile(tarfile.TarInfo("top/x"))
    with pytest.raises(ArchiveError, match="twice"):
        archive.verify(tmp_path / "a.tar.gz")


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "is empty"), (b"hello", "neither .tar.gz nor .zip")]
)
def test_what_is_no_archive_is_said(tmp_path: Path, data: bytes, says: str) -> None:
    for name in ("a.zip", "a.tar.gz"):  # which it was meant to be, so it is damaged
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ArchiveError, match=says):
            archive.verify(tmp_path / name)
    (tmp_path / "README.md").write_bytes(data)
    with pytest.raises(ConfigError, match=says):
        archive.verify(tmp_path / "README.md")


def test_somebody_elses_archive_is_said(built: Built, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"has no bagit\.txt"):
        archive.verify(write_zip(tmp_path / "a.zip", {"readme": b"hello"}))
    with pytest.raises(ArchiveError, match=r"has no data/points\.json"):
        archive.verify(repack({"data/readme": b"hello"}, tmp_path / "b.zip"))
    with pytest.raises(ConfigError, match="No such file"):
        archive.verify(tmp_path / "c.zip")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="no archive that was unpacked"):
        archive.verify(tmp_path / "folder")
    (tmp_path / "folder" / bag.MANIFEST).touch()
    with pytest.raises(ArchiveError, match=r"has no bagit\.txt"):
        archive.verify(tmp_path / "folder")


@pytest.mark.parametrize(
    "changes", [{"format": 2, "bench": "9.9"}, {"new": 1, "bench": "9.9"}, {"grid": None}]
)
def test_an_archive_of_another_version_is_said(
    built: Built, tmp_path: Path, changes: dict[str, object]
) -> None:
    files = dict(built.files)
    files[bag.POINTS] = json.dumps(json.loads(files[bag.POINTS]) | changes).encode()
    with pytest.raises(ArchiveError, match=str(changes.get("bench", "grid"))) as caught:
        archive.verify(repack(files, tmp_path / "a.zip"))
    assert "checksums are right" in caught.value.__notes__[0]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"{}"])
def test_points_of_no_known_version_are_not_said_to_be_of_another(
    built: Built, tmp_path: Path, content: bytes
) -> None:
    with pytest.raises(ArchiveError, match=r"cannot be read: [^ :]") as caught:
        archive.verify(repack({**built.files, bag.POINTS: content}, tmp_path / "a.zip"))
    assert "written by" not in caught.value.what
    assert "Get the archive again" in caught.value.remedy


def test_points_that_lead_out_are_refused(built: Built, tmp_path: Path) -> None:
    files = dict(built.files)
    points = json.loads(files[bag.POINTS])
    points["artifacts"] = dict.fromkeys(points["artifacts"], "../../etc")
    files[bag.POINTS] = json.dumps(points).encode()
    with pytest.raises(ArchiveError, match=r"names '\.\./\.\./etc'"):
        archive.verify(repack(files, tmp_path / "a.zip"))
