"""The sources of stages, which the threads of a run ask for at the same time."""

from __future__ import annotations

import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.flows import all_stages
from bench.pipeline import sources


def test_threads_parse_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    real, parsing = ast.parse, threading.Lock()

    def parse(text: bytes) -> ast.Module:
        assert parsing.acquire(blocking=False), "two threads parse at once"
        try:
            time.sleep(0.001)
            return real(text)
        finally:
            parsing.release()

    stages = list(all_stages().values())
    expected = [sources.source_files(stage) for stage in stages]
    sources.source_files.cache_clear()
    sources._imports.cache_clear()
    monkeypatch.setattr(ast, "parse", parse)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(sources.source_files, stages)) == expected
