"""Where tests have their temporary folders: at a path that splits or breaks careless programs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Spaces, a quote, and letters beyond ASCII.
ODD = "bench's tests, ä ß 測"
VARIABLE = "PYTEST_DEBUG_TEMPROOT"
_GIVEN = VARIABLE in os.environ


def use(parent: str) -> None:
    """Have pytest's temporary folders, and everybody else's, in `parent`; unless told where."""
    if not _GIVEN:
        folder = Path(parent) / f"{ODD} {os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.environ[VARIABLE] = os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
