"""What decides how a report's text looks, beside what it says."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version

from bench.paths import ROOT
from bench.store.keys import canonical, hash_sources

_LIBRARIES = ("jinja2", "pandas", "rocrate")


@cache
def renderer() -> str:
    """SHA-256 of every source of bench and the versions of the libraries that render."""
    libraries = [platform.python_version(), *(version(name) for name in _LIBRARIES)]
    return hashlib.sha256(canonical([hash_sources(ROOT, ["bench"]), libraries])).hexdigest()
