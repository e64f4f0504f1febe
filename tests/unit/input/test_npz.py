"""npz files of users: what is wrong with one is said, and no byte of it is executed or believed."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import ConfigError
from bench.input import npz as module
from bench.input.npz import Npz

VALUES = np.arange(24, dtype=np.float32).reshape(4, 3, 2)


def npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array)
    return stream.getvalue()


def zipped(path: Path, *entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def header(text: str, version: bytes = b"\x01\x00", length: int | None = None) -> bytes:
    form = "<H" if version == b"\x01\x00" else "<I"
    size = struct.pack(form, len(text) if length is None else length)
    return b"\x93NUMPY" + version + size + text.encode()


def described(shape: str, kind: str = "'|u1'", order: str = "False") -> str:
    return f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def refusal(path: Path) -> ConfigError:
    with pytest.raises(ConfigError) as caught, Npz("data.npz", path) as npz:
        for name in npz.headers:
            [*npz.pieces(name)]
    assert caught.value.what.startswith("data.npz: ")
    assert caught.value.remedy
    assert len(caught.value.what) < 400
    assert caught.value.what.isprintable()
    return caught.value


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("piece", [1, 50, 1 << 20])
def test_arrays_are_read_as_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[..., None], piece: int
) -> None:
    monkeypatch.setattr(module, "PIECE", piece)
    fortran = np.asfortranarray(VALUES)
    save(tmp_path / "x.npz", plain=VALUES, fortran=fortran, text=np.array("INT4"), one=0.25)
    with Npz("x", tmp_path / "x.npz") as npz:
        assert str(npz.headers["plain"]) == "float32 [4, 3, 2]"
        for name in ("plain", "fortran"):
            assert np.array_equal(np.concatenate([*npz.pieces(name)]), VALUES)
        assert len([*npz.pieces("plain")]) == {1: 4, 50: 2, 1 << 20: 1}[piece]
        assert (npz.scalar("text"), npz.scalar("one")) == ("INT4", 0.25)
        with pytest.raises(ConfigError, match=r"array plain is float32 \[4, 3, 2\]"):
            npz.scalar("plain")


class Bomb:
    """Unpickled, it would make a folder."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("exploded",)


def test_objects_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "x.npz", x=np.array([Bomb()], dtype=object))
    assert (
        "array x holds Python objects, which are never loaded" in refusal(tmp_path / "x.npz").what
    )
    content = header(described("(1,)", "'O'")) + pickle.dumps(Bomb())
    zipped(tmp_path / "y.npz", ("x.npy", content))
    assert "holds Python objects" in refusal(tmp_path / "y.npz").what
    record = header(described("(1,)", "[('a', '|u1'), ('b', 'O')]")) + bytes(9)
    zipped(tmp_path / "z.npz", ("x.npy", record))
    assert "holds Python objects" in refusal(tmp_path / "z.npz").what
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "x is damaged (it ends too early)"),
        (b"\x93NUMPY\x01\x00\x10\x00", "x is damaged (it ends too early)"),
        (b"GIF89a--------", "x has no valid header (it does not begin as arrays of numpy do)"),
        (header("", b"\x03\x00"), "it does not begin as arrays"),
        (header(described("(2,)"), b"\x02\x00", 2**32 - 1), "it is of 4,294,967,295 bytes"),
        (header("(" * 4000), "x has no valid header"),
        (header("9" * 4000), "x has no valid header"),
        (header("__import__('os').mkdir('exploded')"), "x has no valid header"),
        (header("{}"), "x has no valid header"),
        (header(described("(-1,)")), "its shape is (-1,)"),
        (header(described("(1,)*9")), "x has no valid header"),
        (header(described("(1,1,1,1,1,1,1,1,1)")) + b"x", "its shape is (1, 1, 1"),
        (header(described("(2,)", "'<q9'")), "x has no valid header"),
        (header(described("(9, 10**20)")), "x has no valid header"),
        (header(described(f"(9, {10**20})")) + b"x", "x is uint8 [9, 1000"),
        (header(described("(3,)")) + b"xx", "x is uint8 [3], 3 bytes, and 2 are there"),
        (header(described("(3,)")) + b"xxxx", "x is uint8 [3], 3 bytes, and 4 are there"),
    ],
)
def test_headers_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    zipped(tmp_path / "x.npz", ("x.npy", content))
    assert complaint in refusal(tmp_path / "x.npz").what
    assert not (tmp_path / "exploded").exists()


def test_more_than_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip archive of 2 kB can hold a gigabyte; it is refused by what it says of itself."""
    big = zipped(tmp_path / "x.npz", ("x.npy", bytes(1 << 20)), method=zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(module, "LARGEST", 1 << 19)
    assert "its arrays have 1.0 MB; at most 0.5 MB are read" in refusal(big).what


def test_more_values_than_an_entry_says(tmp_path: Path) -> None:
    """The size in the archive's directory is a lie: the data go on, or end before."""
    path = zipped(tmp_path / "x.npz", ("x.npy", npy(VALUES)), method=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    at = content.rfind(b"PK\x01\x02")
    size = struct.unpack_from("<I", content, at + 24)[0]
    for lie in (size - 8, size + 8):
        struct.pack_into("<I", content, at + 24, lie)
        path.write_bytes(content)
        assert "array x is damaged" in refusal(path).what or "are there" in refusal(path).what


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe"])
def test_what_is_no_file(tmp_path: Path, kind: str) -> None:
    """It may have been one when it was looked at first."""
    path = tmp_path / "x.npz"
    if kind != "nothing":
        {"folder": os.mkdir, "pipe": os.mkfifo}[kind](path)
    assert "it is no npz file, or damaged" in refusal(path).what


def many(path: Path) -> Path:
    return zipped(path, *((f"{number}.npy", npy(VALUES)) for number in range(65)))


def twice(path: Path) -> Path:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped(path, ("x.npy", npy(VALUES)), ("x.npy", npy(VALUES)))


def truncated(path: Path) -> Path:
    zipped(path, ("x.npy", npy(VALUES)))
    path.write_bytes(path.read_bytes()[:-30])
    return path


def cut_in_the_middle(path: Path) -> Path:
    content = zipped(path, ("x.npy", npy(VALUES))).read_bytes()
    path.write_bytes(content[:100] + content[150:])
    return path


def flipped(path: Path) -> Path:
    content = bytearray(zipped(path, ("x.npy", npy(VALUES))).read_bytes())
    content[content.index(b"\x00\x00\x80?")] ^= 1
    path.write_bytes(content)
    return path


def flipped_compressed(path: Path) -> Path:
    array = np.random.default_rng(1).integers(0, 256, 5000, dtype=np.uint8)
    zipped(path, ("x.npy", npy(array)), method=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    content[2500:2600] = bytes(100)
    path.write_bytes(content)
    return path


def encrypted(path: Path) -> Path:
    content = bytearray(zipped(path, ("x.npy", npy(VALUES))).read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    return path


def of_another_size(path: Path) -> Path:
    path.write_bytes(b"PK\x06\x07" + bytes(16) + b"PK\x05\x06" + bytes(18))
    return path


def written(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (written(b""), "it is no npz file, or its end is missing"),
        (written(b"PK\x05\x06"), "its end is missing"),
        (written(npy(VALUES)), "it is no npz file"),
        (written(b"x" * 100_000), "it is no npz file"),
        (truncated, "its end is missing"),
        (cut_in_the_middle, "damaged"),
        (flipped, "array x is damaged (Bad CRC-32"),
        (flipped_compressed, "array x is damaged"),
        (encrypted, "array x is encrypted or compressed oddly"),
        (many, "it has more than 64 entries"),
        (of_another_size, "it has more than 64 entries"),
        (twice, "array x appears twice"),
        (lambda path: zipped(path, ("x.txt", b"")), "its entry 'x.txt' is no array"),
        (
            lambda path: zipped(path, ("x.npy", npy(VALUES)), method=zipfile.ZIP_LZMA),
            "compressed oddly",
        ),
        (lambda path: zipped(path, ("a\x1b[31m\n" * 90 + ".npy", b"")), "array a\\u001b[31m"),
    ],
)
def test_files_that_are_no_npz(
    tmp_path: Path, make: Callable[[Path], Path], complaint: str
) -> None:
    assert complaint in refusal(make(tmp_path / "x.npz")).what
