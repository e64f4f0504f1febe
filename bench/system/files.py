"""Write files atomically, and read paths that may not be regular files."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY = ".tmp"
"""The suffix of files that are still being written."""


# Read once, at the start: it can be read only by setting it, which other threads would notice.
os.umask(UMASK := os.umask(0o077))
"""The permission bits that files and folders of this process do not get."""


@contextmanager
def replacing(path: Path, *, mode: int = 0o666) -> Iterator[Path]:
    """Replace the file `path`, whole or not at all, by the file that is yielded to be written.

    Each writer gets its own temporary file beside `path`; the last writer wins. The folder is made
    if it is missing; the umask applies to `mode`.

    Raises:
        OSError: It cannot be written; the previous file is unchanged.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Names may be as long as the file system allows, so the temporary name does not contain it.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=TEMPORARY)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode & ~UMASK)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomic(path: Path, content: bytes | str, *, mode: int = 0o666) -> None:
    """Replace the content of the file `path`; see `replacing`. Text becomes UTF-8."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path, mode=mode) as temporary:
        temporary.write_bytes(data)


def read_bytes(path: Path | str) -> bytes:
    """The content of the file `path`; does not block if it is a pipe.

    Raises:
        OSError: It is not a regular file, or cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  # it is open
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISREG(mode):
            return file.readall()
    number = errno.EISDIR if stat.S_ISDIR(mode) else errno.ENXIO
    raise OSError(number, "Is a folder" if number == errno.EISDIR else "Is not a file", str(path))


def existing(path: Path) -> Path:
    """`path`, or its nearest parent that exists."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def check_writable(folder: Path) -> None:
    """Raise `OSError` if no file can be made in `folder`, or in its nearest existing parent."""
    with tempfile.TemporaryFile(dir=existing(folder)):
        pass
