"""Arrays in an npz file of a user's: checked before they are in memory, and never executed.

An npz file is a zip archive of npy files. What an array's header says is checked against limits
and against the file before a byte of its values is read; values are read in pieces. Pickled
objects, the one thing in an npz file that can run code, are refused by their type.
"""

from __future__ import annotations

import io
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bench.console.text import excerpt, size_text
from bench.errors import ConfigError
from bench.input.given import open_regular

if TYPE_CHECKING:  # most commands read no arrays, and numpy takes long to import
    import numpy as np
    import numpy.typing as npt

LARGEST = 2 << 30
"""Bytes of a file, and of the arrays in it."""
MOST_ARRAYS = 64
MOST_DIMENSIONS = 8
PIECE = 16 << 20
"""Bytes of values read at a time."""

_MAGIC = b"\x93NUMPY"
# Bytes of an array's header in Python's syntax; those of numpy's own arrays have some hundred.
_LONGEST_HEADER = 4096
_END = b"PK\x05\x06"
_END_OF_LARGE = b"PK\x06\x07"
_END_BYTES = 22
_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED = 1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, struct.error, OSError)
# What numpy raises for headers that are none, and Python for such that are too complex.
_NO_HEADER = (
    ValueError, SyntaxError, TypeError, KeyError, AttributeError, IndexError, OverflowError,
    MemoryError, RecursionError, tokenize.TokenError,
)  # fmt: skip
AGAIN = "Write the file again with numpy.savez."


@dataclass(frozen=True)
class Header:
    """What an array is.

    Attributes:
        shape: As numpy's.
        dtype: As numpy's; never of objects.
        fortran: Whether the first index runs fastest.
        offset: Bytes of the header in the npy file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool
    offset: int

    @property
    def bytes(self) -> int:
        """Of its values."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        """Such as `float32 [60000, 28, 28]`."""
        return f"{self.dtype} {[*self.shape]}"


class Npz:
    """An npz file, open.

    Args:
        name: What people know it by; begins every message.
        path: Where it is.

    Attributes:
        headers: What its arrays are, by name.
    """

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        with self._damage_explained():
            self._file: IO[bytes] = io.BufferedReader(open_regular(path))  # type: ignore[type-var]
        try:
            with self._damage_explained():
                self._require_few_entries()
                self._archive = zipfile.ZipFile(self._file)
                self._entries = self._named()
                self.headers = {name: self._header(name) for name in self._entries}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Npz:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def wrong(self, what: str, remedy: str) -> ConfigError:
        """The error that says `what` is wrong with the file."""
        return ConfigError(f"{self._name}: {what}.", remedy)

    def pieces(self, name: str) -> Iterator[npt.NDArray[Any]]:
        """The values of an array with at least one dimension, some of its first index at a time.

        Raises:
            ConfigError: They are damaged.
        """
        import numpy as np  # noqa: PLC0415

        header = self.headers[name]
        rows, *inner = header.shape
        each = max(1, math.prod(inner) * header.dtype.itemsize)
        at_once = rows if header.fortran else max(1, PIECE // each)
        with self._damage_explained(name), self._archive.open(self._entries[name]) as stream:
            _exactly(stream, header.offset)
            for first in range(0, rows, at_once):
                count = min(at_once, rows - first)
                values = np.frombuffer(_exactly(stream, count * each), header.dtype)
                if header.fortran:
                    yield values.reshape(header.shape, order="F")
                else:
                    yield values.reshape(count, *inner)
            if stream.read(1):  # what zipfile compares with its checksum is the end, too
                raise EOFError("more values than its header says")

    def scalar(self, name: str) -> Any:
        """The one value of an array with one, as a value of Python's.

        Raises:
            ConfigError: It has several, or is damaged.
        """
        import numpy as np  # noqa: PLC0415

        header = self.headers[name]
        if math.prod(header.shape) != 1 or header.bytes == 0:
            raise self.wrong(f"array {name} is {header}", f"Give {name} as one value.")
        with self._damage_explained(name), self._archive.open(self._entries[name]) as stream:
            _exactly(stream, header.offset)
            return np.frombuffer(_exactly(stream, header.bytes), header.dtype)[0].item()

    def _require_few_entries(self) -> None:
        """Python's zipfile makes an object of each entry at once, of millions if there are."""
        self._file.seek(0, io.SEEK_END)
        self._file.seek(max(0, self._file.tell() - _END_BYTES - _LONGEST_COMMENT))
        tail = self._file.read()
        at = tail.rfind(_END)
        if at < 0 or len(tail) - at < _END_BYTES:
            raise self.wrong("it is no npz file, or its end is missing", AGAIN)
        (entries,) = struct.unpack_from("<H", tail, at + 10)
        if entries > MOST_ARRAYS or _END_OF_LARGE in tail[max(0, at - 20) : at]:
            raise self.wrong(f"it has more than {MOST_ARRAYS} entries", "Leave out the others.")

    def _named(self) -> dict[str, zipfile.ZipInfo]:
        """The archive's entries by the names of the arrays."""
        entries: dict[str, zipfile.ZipInfo] = {}
        for entry in self._archive.infolist():
            name = entry.filename.removesuffix(".npy")
            shown = excerpt(name, 60)
            if name == entry.filename:
                raise self.wrong(f"its entry '{shown}' is no array", AGAIN)
            if name in entries:
                raise self.wrong(f"array {shown} appears twice", AGAIN)
            compressed = entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
            if compressed or entry.flag_bits & _ENCRYPTED:
                raise self.wrong(f"array {shown} is encrypted or compressed oddly", AGAIN)
            entries[name] = entry
        total = sum(entry.file_size for entry in entries.values())
        if total > LARGEST:
            raise self.wrong(
                f"its arrays have {size_text(total)}; at most {size_text(LARGEST)} are read",
                "Give fewer images, or smaller ones; uint8 takes an eighth of float64.",
            )
        return entries

    def _header(self, name: str) -> Header:
        shown, entry = excerpt(name, 60), self._entries[name]
        with self._damage_explained(shown), self._archive.open(entry) as stream:
            try:
                header = _read_header(stream)
            except _NO_HEADER as error:
                problem = excerpt(str(error) or type(error).__name__, 120)
                raise self.wrong(f"array {shown} has no valid header ({problem})", AGAIN) from None
        if header.dtype.hasobject:
            raise self.wrong(
                f"array {shown} holds Python objects, which are never loaded",
                "Make it an array of numbers, then write the file again.",
            )
        if header.offset + header.bytes != entry.file_size:
            held = f"{entry.file_size - header.offset:,}"
            problem = f"is {header}, {header.bytes:,} bytes, and {held} are there"
            raise self.wrong(f"array {shown} {problem}", AGAIN)
        return header

    @contextmanager
    def _damage_explained(self, name: str = "") -> Iterator[None]:
        try:
            yield
        except _DAMAGED as error:
            what = f"array {name} is" if name else "it is no npz file, or"
            reason = excerpt(str(error) or type(error).__name__, 120)
            raise self.wrong(f"{what} damaged ({reason})", AGAIN) from None


def _read_header(stream: IO[bytes]) -> Header:
    """The header at the beginning of an npy file; numpy's own reader takes one of any length."""
    from numpy.lib import format as npy  # noqa: PLC0415

    magic = _exactly(stream, len(_MAGIC) + 2)
    version = magic[-2], magic[-1]
    length_format = {(1, 0): "<H", (2, 0): "<I"}.get(version)
    if not magic.startswith(_MAGIC) or length_format is None:
        raise ValueError("it does not begin as arrays of numpy do")
    length_bytes = _exactly(stream, struct.calcsize(length_format))
    (length,) = struct.unpack(length_format, length_bytes)
    if length > _LONGEST_HEADER:
        raise ValueError(f"it is of {length:,} bytes")
    text = io.BytesIO(length_bytes + _exactly(stream, length))
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(text, max_header_size=_LONGEST_HEADER)
    if len(shape) > MOST_DIMENSIONS or any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    return Header(shape, dtype, fortran, len(magic) + len(length_bytes) + length)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    content = stream.read(count)
    if len(content) != count:
        raise EOFError("it ends too early")
    return content
