"""Write files so that nobody ever reads half of one, however many write it at once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

TEMPORARY = ".tmp"
"""How the names of files that are still being written end."""


def _read_umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


# Read once, at the start: it can be read only by setting it, which other threads would notice.
UMASK = _read_umask()
"""The permissions that files and folders of this process do not get."""


def write_atomic(path: Path, content: bytes | str, *, mode: int = 0o666) -> None:
    """Replace the file `path`, whole or not at all; text is written as UTF-8.

    Every call writes a temporary file of its own beside it, so writers do not disturb each other:
    the last one wins.

    Args:
        path: The file; its folder is made if it is missing.
        content: All of it.
        mode: Permissions of the file, less those that the umask takes away.

    Raises:
        OSError: It cannot be written; what was there before still is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    # Names may be as long as the file system allows, so the temporary one does not contain it.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=TEMPORARY)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.chmod(mode & ~UMASK)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def existing(path: Path) -> Path:
    """`path`, or its nearest parent that exists."""
    path = path.absolute()
    return next(place for place in (path, *path.parents) if place.exists())


def check_writable(folder: Path) -> None:
    """Raise the `OSError` that making a file in `folder` would meet; nothing is left there.

    Args:
        folder: May be missing; then its nearest parent counts, in which it would be made.
    """
    with tempfile.TemporaryFile(dir=existing(folder)):
        pass
