"""The sources of stages, which the threads of a run ask for at the same time."""

from __future__ import annotations

import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from bench.paths import ROOT
from bench.pipeline import sources


def test_threads_parse_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    parsing = threading.Lock()

    def parse(text: bytes) -> ast.Module:
        assert parsing.acquire(blocking=False), "two threads parse at once"
        try:
            time.sleep(0.001)
            return ast.parse(text)
        finally:
            parsing.release()

    files = sorted((ROOT / "docker" / "common" / "contract").glob("*.py"))
    expected = [sources._imports(path) for path in files]
    sources._imports.cache_clear()
    monkeypatch.setattr(sources, "ast", SimpleNamespace(**{**vars(ast), "parse": parse}))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(sources._imports, files)) == expected
