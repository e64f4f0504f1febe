"""Files of the user's that an experiment file names, such as a model: known by their content.

What they hold becomes part of the results, where they lie does not: specs have their SHA-256, and
the stage of the host that reads one is told its path apart from its spec.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bench.console.text import size_text
from bench.errors import ConfigError, DataError

_CHUNK = 1 << 20


class MissingFile(ConfigError):
    """A file that an experiment file names is not there."""


@dataclass(frozen=True)
class GivenFile:
    """A file of the user's, as it was when its experiment file was read.

    Attributes:
        path: Where it is.
        bytes: Its size.
        sha256: Of its content.
    """

    path: Path
    bytes: int
    sha256: str


def examine(where: str, path: Path, most: int, why: str) -> GivenFile:
    """The file at `path`, read once; no more than a MiB of it is in memory.

    Args:
        where: The key that names it; begins the message.
        path: The file.
        most: Bytes that it may have.
        why: The reason for that, as a clause.

    Raises:
        MissingFile: There is none.
        ConfigError: It is no regular file, is empty or too large, or cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with open_regular(path) as file:
            found = os.fstat(file.fileno()).st_size
            if found > most:
                raise ConfigError(
                    f"{where}: {path} has {size_text(found)}; at most {size_text(most)} are read: "
                    f"{why}.",
                    "Give a smaller file.",
                )
            for chunk in _chunks(file):
                digest.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        raise MissingFile(f"{where}: there is no file {path}.", "Check the path.") from None
    except OSError as error:
        what = f"{where}: {path} cannot be read: {error.strerror or error}."
        raise ConfigError(what, "Name a file that you may read.") from None
    except ValueError:  # a null byte in the path
        raise ConfigError(f"{where} is not a path.", "Check the path.") from None
    if size == 0:
        raise ConfigError(f"{where}: {path} is empty.", "Give the file again.")
    return GivenFile(path, size, digest.hexdigest())


def copy(given: GivenFile, target: Path, check_cancelled: Callable[[], None]) -> None:
    """Copy `given` to `target`, if it still holds what it did.

    Raises:
        DataError: It has changed, or is gone.
        OSError: `target` cannot be written.
    """
    digest = hashlib.sha256()
    try:
        source = open_regular(given.path)
    except OSError as error:
        raise DataError(
            f"{given.path} cannot be read any more: {error.strerror or error}.",
            "Put it back, and rerun.",
        ) from None
    with source, target.open("xb") as file:
        left = given.bytes
        for chunk in _chunks(source):
            check_cancelled()
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            file.write(chunk)
    if left != 0 or digest.hexdigest() != given.sha256:
        target.unlink()
        raise DataError(
            f"{given.path} has changed since the run started.",
            "Rerun once it is as it should be: what it then holds is taken.",
        )


def open_regular(path: Path) -> BinaryIO:
    """A regular file, open to be read without a buffer; never waits for whoever writes a pipe.

    Raises:
        OSError: It is none, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
        what = "it is a folder" if number == errno.EISDIR else "it is no regular file"
        raise OSError(number, what, str(path))
    return os.fdopen(descriptor, "rb", buffering=0)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk
