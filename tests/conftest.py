"""What all layers of tests share: nobody's temporary folder has a harmless path."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from temporary import use

use(tempfile.gettempdir())


@pytest.fixture
def plain_path() -> Iterator[Path]:
    """A short path without odd characters, for what cannot do with others."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        yield Path(folder)
