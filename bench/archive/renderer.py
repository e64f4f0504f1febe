"""What decides how an archive's text looks, beside what it says."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version

from bench.paths import ROOT
from bench.store.keys import canonical, hash_sources

PROJECT_FILES = ("CITATION.cff", "LICENSE")
"""Of the checkout, what every archive has a copy of."""
_LIBRARIES = ("jinja2", "pandas", "rocrate")


@cache
def renderer() -> str:
    """SHA-256 of every source of bench, what is copied, and the versions of what renders."""
    libraries = [platform.python_version(), *(version(name) for name in _LIBRARIES)]
    sources = ["bench", *PROJECT_FILES]
    return hashlib.sha256(canonical([hash_sources(ROOT, sources), libraries])).hexdigest()
