"""Read a store's files, which may be damaged."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import StoreError, store_error
from bench.system.files import read_bytes

REMEDY = "`bench run FILE` sets it aside and makes it again."

# Errors that show damage, not missing permissions or a disk error.
_DAMAGE = {
    errno.ENOENT: "is missing",
    errno.ENOTDIR: "is missing",
    errno.EISDIR: "is a folder",
    errno.ELOOP: "is a link that leads nowhere",
    errno.ENXIO: "is not a file",
}


class DamageError(StoreError):
    """An artifact is not what was put into the store.

    Args:
        folder: The artifact's.
        reason: What is wrong, beginning with the name of the file.
    """

    def __init__(self, folder: Path, reason: str) -> None:
        super().__init__(
            f"The artifact {folder.parent.name}/{folder.name} is damaged: {reason}.", REMEDY
        )
        self.folder = folder
        self.reason = reason

    def __reduce__(self) -> tuple[type[DamageError], tuple[Path, str]]:
        return type(self), (self.folder, self.reason)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns an `OSError` into the `StoreError` that says what to do; about `path` by default."""
    try:
        yield
    except OSError as error:
        raise store_error(error, Path(os.fsdecode(error.filename or path))) from error


def damage_of(error: OSError, name: str) -> str:
    """What `error` means for the file `name` of an artifact.

    Raises:
        StoreError: The file may not, or cannot, be read.
    """
    if error.errno not in _DAMAGE:
        raise store_error(error, Path(os.fsdecode(error.filename or name))) from error
    return f"{name} {_DAMAGE[error.errno]}"


def read_file(folder: Path, name: str) -> bytes:
    """The content of the file `name` of the artifact in `folder`.

    Raises:
        DamageError: There is no such file.
        StoreError: It cannot be read.
    """
    try:
        return read_bytes(f"{folder}/{name}")
    except OSError as error:
        raise DamageError(folder, damage_of(error, name)) from error


def list_folder(folder: Path) -> list[os.DirEntry[str]]:
    """What is in `folder`, by name; nothing if there is no such folder.

    Raises:
        StoreError: It cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        damage_of(error, folder.name)
        return []
