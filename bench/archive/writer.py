"""Write a bag into one file: streamed, deterministic, atomic."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO, Protocol, cast

from bench.archive import bag
from bench.archive.tags import info_text
from bench.errors import ConfigError, store_error
from bench.store import DamageError
from bench.system.files import check_writable, replacing

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TAR_SUFFIXES = (".tar.gz", ".tgz")
ZIP_SUFFIX = ".zip"
CHUNK = 1 << 20
# Of the compressor; the default of both formats' tools.
LEVEL = 6
MODE = 0o644


@dataclass(frozen=True)
class Item:
    """A file of the bag: its path in the bag, and its source or content.

    `artifact` is the folder of its artifact, and `sha256` the hash in that one's manifest.
    """

    name: str
    source: Path | bytes
    artifact: Path | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Packed:
    """A written archive: its SHA-256, its size in bytes, and the names of its files."""

    path: Path
    sha256: str
    size: int
    files: tuple[str, ...]


class _Writer(Protocol):
    """Adds files to an archive."""

    def add(self, name: str, size: int, content: IO[bytes]) -> None: ...


def pack(
    items: Iterable[Item], tags: Iterable[Item], target: Path, folder: str, date: datetime
) -> Packed:
    """Write the bag of payload `items` and further tag files `tags` to `target`.

    The same items give the same bytes (with one version of zlib).

    Args:
        items: The payload; each name starts with `data/`.
        tags: Files beside it.
        target: The archive; its suffix decides the format.
        folder: Name of the single folder at the top of the archive.
        date: Of every file in it.

    Raises:
        ConfigError: The suffix is not known, or the name of a file is not UTF-8.
        DamageError: A file is not what its artifact's manifest says.
        StoreError: A file cannot be read, or the archive cannot be written; nothing is left of it.
    """
    require_suffix(target)
    try:
        with replacing(target) as temporary:
            with temporary.open("wb") as raw, _open(raw, target, date) as writer:
                names = _Bag(writer, folder, date).write(items, tags)
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
                digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise store_error(error, Path(error.filename or target)) from error
    return Packed(target, digest, target.stat().st_size, names)


def dry_run(
    items: Iterable[Item], tags: Iterable[Item], target: Path, folder: str, date: datetime
) -> tuple[str, ...]:
    """The names of the files that `pack` would write; raises what `pack` would."""
    require_suffix(target)
    try:
        check_writable(target.parent)
        with _Nowhere() as raw, _open(raw, target, date) as writer:
            return _Bag(writer, folder, date).write(items, tags)
    except OSError as error:
        raise store_error(error, Path(error.filename or target)) from error


def require_suffix(target: Path) -> None:
    """Raise `ConfigError` unless the name of `target` says a format that can be written."""
    if not target.name.endswith((*TAR_SUFFIXES, ZIP_SUFFIX)):
        what = f"{target} has no suffix of a supported format."
        raise ConfigError(what, "Name a file that ends in .tar.gz or .zip.")


class _Bag:
    def __init__(self, writer: _Writer, folder: str, date: datetime) -> None:
        self._writer = writer
        self._folder = folder
        self._date = date
        self._bytes = 0

    def write(self, items: Iterable[Item], tags: Iterable[Item]) -> tuple[str, ...]:
        """Write everything; the names of all files."""
        payload = {item.name: self._add(item) for item in _in_order(items)}
        info = info_text(f"{self._date:%Y-%m-%d}", self._bytes, len(payload))
        beside = [
            *tags,
            Item(bag.BAGIT, bag.DECLARATION.encode()),
            Item(bag.BAG_INFO, info.encode()),
            Item(bag.MANIFEST, bag.manifest_text(payload).encode()),
        ]
        tagged = {item.name: self._add(item) for item in _in_order(beside)}
        self._add(Item(bag.TAG_MANIFEST, bag.manifest_text(tagged).encode()))
        return (*payload, *tagged, bag.TAG_MANIFEST)

    def _add(self, item: Item) -> str:
        """Add a file; its SHA-256."""
        try:
            item.name.encode()
        except UnicodeEncodeError:
            raise ConfigError(
                f"The name of {item.name!r} is not UTF-8 and cannot be put into an archive.",
                "Rename the file.",
            ) from None
        with _content(item) as (size, content):
            hashed = _Hashing(content)
            self._writer.add(f"{self._folder}/{item.name}", size, cast("IO[bytes]", hashed))
        self._bytes += size
        digest = hashed.digest.hexdigest()
        if item.artifact is not None and digest != item.sha256:
            raise DamageError(item.artifact, f"{Path(item.name).name} has another SHA-256")
        return digest


class _Hashing:
    """A file that is hashed as it is read, by `read` only."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk


def _in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: item.name)


@contextmanager
def _content(item: Item) -> Iterator[tuple[int, BinaryIO]]:
    if isinstance(item.source, bytes):
        yield len(item.source), io.BytesIO(item.source)
        return
    with item.source.open("rb") as file:
        yield os.fstat(file.fileno()).st_size, file


@contextmanager
def _open(raw: BinaryIO, target: Path, date: datetime) -> Iterator[_Writer]:
    if target.name.endswith(ZIP_SUFFIX):
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as file:
            yield _Zip(file, date)
        return
    with (
        # Without a name and a time in its header, for the same bytes every time.
        gzip.GzipFile("", "wb", LEVEL, raw, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        yield _Tar(tar, date)


class _Nowhere(io.BytesIO):
    """A file that discards what is written to it."""

    def write(self, data: ReadableBuffer) -> int:
        return memoryview(data).nbytes

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation


class _Tar:
    def __init__(self, file: tarfile.TarFile, date: datetime) -> None:
        self._file = file
        self._time = int(date.timestamp())

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mtime, entry.mode = size, self._time, MODE
        self._file.addfile(entry, content)


class _Zip:
    def __init__(self, file: zipfile.ZipFile, date: datetime) -> None:
        self._file = file
        self._time = date.astimezone(UTC).timetuple()[:6]

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        entry = zipfile.ZipInfo(name, self._time)
        entry.file_size, entry.external_attr, entry.create_system = size, MODE << 16, 3
        entry.compress_type = zipfile.ZIP_DEFLATED
        with self._file.open(entry, "w") as file:
            shutil.copyfileobj(content, file, CHUNK)
