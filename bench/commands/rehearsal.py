"""What writing a report would change, found by writing it to a copy."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path


def rehearse(folder: Path, write: Callable[[Path], Sequence[Path]]) -> Iterator[str]:
    """What `write` would do to `folder`, a report's; `folder` stays as it is.

    Args:
        folder: The report's; may be missing.
        write: Writes a report into a folder, and says which files.

    Yields:
        A line for each file.
    """
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.name
        if folder.exists():
            shutil.copytree(folder, copy)
        for path in write(copy):
            real = folder / path.relative_to(copy)
            if not real.exists():
                yield f"would write: {real}"
            elif real.read_bytes() != path.read_bytes():
                yield f"would change: {real}"
            else:
                yield f"would stay as it is: {real}"
