"""What writing a report would change, found by writing it to a copy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.errors import store_error
from bench.session.reporting import Reported
from bench.system.files import check_writable


def rehearse(folder: Path, write: Callable[[Path], Reported]) -> tuple[Reported, tuple[str, ...]]:
    """What `write` would do to `folder`, a report's; `folder` stays as it is.

    Args:
        folder: The report's; may be missing.
        write: Writes a report into a folder.

    Returns:
        The report, and a line for each of its files.

    Raises:
        StoreError: Nothing could be written to `folder`.
    """
    try:
        check_writable(folder)
    except OSError as error:
        raise store_error(error, folder) from error
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.name
        if folder.exists():
            shutil.copytree(folder, copy)
        reported = write(copy)
        files = [(path, folder / path.relative_to(copy)) for path in reported.written]
        return reported, tuple(f"{_fate(path, real)}: {real}" for path, real in files)


def _fate(new: Path, real: Path) -> str:
    if not real.exists():
        return "would write"
    same = real.read_bytes() == new.read_bytes()
    return "would stay as it is" if same else "would change"
