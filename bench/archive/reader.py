"""Read an untrusted archive file by file, without unpacking it."""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from bench.archive.bag import ArchiveError
from bench.errors import ConfigError

_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_BROKEN = (
    EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, zipfile.BadZipFile,
    NotImplementedError,
)  # fmt: skip
_ENDINGS = (".tar.gz", ".tgz", ".zip")
_AGAIN = "It is incomplete or was damaged in transfer: copy or export it again."


@dataclass(frozen=True)
class Member:
    """A file in `archive`: its path below the archive's one folder, and how to read it."""

    archive: Path
    name: str
    open: Callable[[], IO[bytes]]


def members(path: Path) -> Iterator[Member]:
    """Every file of the archive at `path`, or of a folder that one was unpacked into.

    Each member has to be read before the next.

    Raises:
        ConfigError: There is no such file, or it is no archive.
        ArchiveError: It is a damaged archive, ends early, or holds what bench never writes: a path
            that leads out of it, a link, a file twice.
    """
    all_members = _folder(path) if path.is_dir() else _archive(path)
    seen: set[str] = set()
    top = ""
    with _explained(path):
        for member in all_members:
            _require_harmless(path, member.name)
            first, _, rest = member.name.partition("/")
            top = top or first
            if first != top or not rest:
                raise ArchiveError(
                    f"{path} holds '{member.name}' beside '{top}/'.",
                    "It was not written by `bench export`.",
                )
            if rest in seen:
                raise ArchiveError(f"{path} holds '{rest}' twice.", "Do not trust it.")
            seen.add(rest)
            yield replace(member, name=rest)


def read_in_chunks(member: Member) -> Iterator[bytes]:
    """The content of a member.

    Raises:
        ArchiveError: The archive ends early or is damaged.
    """
    with _explained(member.archive), closing(member.open()) as file:
        while chunk := file.read(1 << 20):
            yield chunk


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise ArchiveError(f"{path} cannot be read to its end: {error}.", _AGAIN) from error
    except OSError as error:
        where = os.fsdecode(error.filename or path)
        raise ArchiveError(f"{where}: {error.strerror or error}.", _AGAIN) from error


def _require_harmless(path: Path, name: str) -> None:
    parts = name.split("/")
    if name.startswith("/") or "\\" in name or "\0" in name or {"", ".", ".."} & set(parts):
        raise ArchiveError(
            f"{path} holds {name!r}, a path that could lead out of its folder.",
            "Do not unpack it; it was not written by `bench export`.",
        )


def _archive(path: Path) -> Iterator[Member]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.", "Check the path.") from None
    if start.startswith(_GZIP):
        return _tar(path)
    if start in _ZIP:
        return _zip(path)
    what = "is empty" if not start else "is neither .tar.gz nor .zip"
    # By its name an archive, by its content none: it was one. Anything else is the wrong file.
    kind = ArchiveError if path.name.endswith(_ENDINGS) else ConfigError
    raise kind(f"{path} {what}.", "Name what `bench export` wrote.")


def _tar(path: Path) -> Iterator[Member]:
    with gzip.open(path) as compressed, tarfile.open(fileobj=compressed, mode="r|") as tar:
        for entry in tar:
            if entry.isdir():
                continue
            content = tar.extractfile(entry) if entry.isreg() else None
            if content is None:
                raise ArchiveError(
                    f"{path} holds '{entry.name}', which is a link or a device.",
                    "Do not unpack it; it was not written by `bench export`.",
                )
            yield Member(path, entry.name, lambda content=content: content)  # type: ignore[misc]
        while compressed.read(1 << 20):
            pass  # to its end, where the checksum is


def _zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
                raise ArchiveError(
                    f"{path} holds '{entry.filename}', which is a link, a device or encrypted.",
                    "Do not unpack it; it was not written by `bench export`.",
                )
            # Not `filename`, in which zipfile has replaced backslashes and cut at NUL.
            name = entry.orig_filename
            yield Member(path, name, lambda entry=entry: archive.open(entry))  # type: ignore[misc]


def _folder(path: Path) -> Iterator[Member]:
    for file in sorted(_below(path)):
        name = file.relative_to(path).as_posix()
        if file.is_symlink():
            raise ArchiveError(f"{path} holds the link '{name}'.", "Unpack the archive again.")
        if not file.is_file():
            raise ArchiveError(f"{path} holds '{name}', not a file.", "Unpack the archive again.")
        yield Member(path, f"{path.name or 'bag'}/{name}", lambda file=file: file.open("rb"))  # type: ignore[misc]


def _below(path: Path) -> Iterator[Path]:
    """All files below `path`; `Path.rglob` skips what it may not read."""
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _below(Path(entry.path))
            else:
                yield Path(entry.path)
