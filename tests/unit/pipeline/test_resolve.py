"""The sources of stages, which the threads of a run ask for at the same time."""

from __future__ import annotations

import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from bench.flows import all_stages
from bench.paths import ROOT
from bench.pipeline import resolve


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
    expected = [resolve._imports(path) for path in files]
    resolve._imports.cache_clear()
    monkeypatch.setattr(resolve, "ast", SimpleNamespace(**{**vars(ast), "parse": parse}))
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(resolve._imports, files)) == expected


def test_a_stage_has_its_own_sources_and_none_of_other_stages() -> None:
    """Whoever edits the export does not train anew."""
    files = {
        name: {
            path.relative_to(ROOT).as_posix() for path in resolve.source_files(all_stages()[name])
        }
        for name in ("train", "export", "compile", "size")
    }
    assert "docker/train/train_worker/export.py" not in files["train"]
    assert "docker/common/contract/stages/export.py" not in files["train"]
    for shared in (
        "stagekit/worker.py",
        "contract/stages/train.py",
        "contract/architecture/records.py",
    ):
        assert f"docker/common/{shared}" in files["train"]
    for name in ("build", "checks", "trial"):
        assert f"docker/train/train_worker/own/{name}.py" in files["train"]
    assert "docker/train/train_worker/lean/twin.py" in files["train"]
    assert "docker/train/train_worker/lean/twin.py" not in files["export"]
    assert "docker/finn/finn_worker/compile.py" in files["compile"]
    assert "docker/finn/finn_worker/compile.py" not in files["size"]
    assert "docker/finn/rtl" in files["size"]
