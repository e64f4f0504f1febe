"""Decompress a file and check it against its checksum."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from bench.datasets.model import DataFile, Reporter

CHUNK = 1 << 20
GZIP_MAGIC = b"\x1f\x8b"


class Damaged(Exception):
    """A file cannot be read to its end, or is not the file it should be.

    Attributes:
        checksum: Of its content; None if it cannot be read.
    """

    def __init__(self, reason: str, checksum: str | None = None) -> None:
        super().__init__(reason)
        self.checksum = checksum


def unpack(source: Path, file: DataFile, target: Path, reporter: Reporter) -> None:
    """Write the content of `source`, raw or gzipped, to `target` and check it against `file`.

    Raises:
        Damaged: `source` cannot be read, or has another content; `target` is then worthless.
        Cancelled: The run was interrupted.
    """
    digest = hashlib.new(file.algorithm.replace("-", ""), usedforsecurity=False)
    size = 0
    with target.open("wb") as out:
        for chunk in _content(source):
            reporter.check_cancelled()
            digest.update(chunk)
            size += len(chunk)
            # A wrong file may be of any size and must not fill the disk.
            if size <= file.size:
                out.write(chunk)
    found = digest.hexdigest()
    if found != file.checksum:
        reporter.log(f"{source.name}: {file.algorithm} {found}, expected {file.checksum}")
        reason = f"{file.name} has the wrong {file.algorithm} {found[:12]}... ({size} bytes)"
        raise Damaged(reason, found)


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


def chunks(stream: Readable, what: str) -> Iterator[bytes]:
    """The rest of `stream` in pieces; `Damaged` when it cannot be read.

    Only errors of reading count, not those of the caller's writing.
    """
    while True:
        try:
            chunk = stream.read(CHUNK)
        except (OSError, EOFError, zlib.error) as error:
            raise Damaged(f"{what} cannot be read: {error}") from error
        if not chunk:
            return
        yield chunk


def _content(path: Path) -> Iterator[bytes]:
    try:
        stream: IO[bytes] = path.open("rb")
    except OSError as error:
        raise Damaged(f"{path.name} cannot be read: {error.strerror}") from error
    with stream:
        if stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC:
            stream.seek(0)
            with gzip.open(stream) as unzipped:
                yield from chunks(unzipped, path.name)
        else:
            stream.seek(0)
            yield from chunks(stream, path.name)
