"""The worker's half of the wire, run as workers are: as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.paths import ROOT
from bench.runners.wire import Request, read_result

WORKER = """
import sys
from dataclasses import dataclass
import stagekit

@dataclass(frozen=True)
class Spec:
    bits: int

def good(request, reporter):
    spec = request.parse(Spec)
    print("chatter of a library")
    with reporter.timed("work"):
        reporter.progress(1, 2, "epoch", "half")
    request.write_metrics({"bits": spec.bits})

def infeasible(request, reporter):
    raise stagekit.Infeasible("does not fit")

def wrong(request, reporter):
    raise stagekit.StageError("It broke.", "Mend it.", "line 3 of yours")

def full(request, reporter):
    raise OSError(28, "No space left on device", "/out/x")

def other(request, reporter):
    raise stagekit.WrongResult("3 of 9 images differ")


def unreadable(request, reporter):
    raise PermissionError(13, "Permission denied", "/cache/simulator")

def bug(request, reporter):
    raise ValueError("oops")

if __name__ == "__main__":
    sys.exit(stagekit.run(sys.argv))
"""


def work(folder: Path, stage: str, spec: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (folder / "worker.py").write_text(WORKER)
    request = Request(
        stage=stage,
        entry=f"worker:{stage}",
        tools=("pytest",),
        spec=spec,
        inputs={},
        outputs=folder,
        scratch=folder,
        cache=folder,
        result=folder / "result.json",
        cpus=1,
    )
    request.write(folder / "request.json")
    return subprocess.run(
        [sys.executable, str(folder / "worker.py"), str(folder / "request.json")],
        env={**os.environ, "PYTHONPATH": str(ROOT / "docker" / "common")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_good_stage_reports_and_leaves_metrics(tmp_path: Path) -> None:
    done = work(tmp_path, "good", {"bits": 2})
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events == [{"event": "progress", "done": 1, "total": 2, "unit": "epoch", "text": "half"}]
    assert "chatter of a library" in done.stderr
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"bits": 2}
    result = read_result(tmp_path / "result.json")
    assert result is not None
    assert result.status == "done"
    assert set(result.tools) == {"pytest"}
    assert set(result.timings) == {"work"}
    assert result.peak_memory_bytes > 1e6


@pytest.mark.parametrize(
    ("stage", "status", "reason", "remedy"),
    [
        ("infeasible", "infeasible", "does not fit", ""),
        ("other", "wrong", "3 of 9 images differ", ""),
        ("wrong", "failed", "It broke.", "Mend it."),
        ("full", "failed", "/out/x: No space left on device.", "Free some disk space"),
        ("unreadable", "failed", "/cache/simulator: Permission denied.", "Fix its permissions"),
    ],
)
def test_other_ends_are_told_apart(
    tmp_path: Path, stage: str, status: str, reason: str, remedy: str
) -> None:
    assert work(tmp_path, stage, {}).returncode == 0
    result = read_result(tmp_path / "result.json")
    assert result is not None
    assert result.status == status
    assert reason in result.reason
    assert remedy in result.remedy
    assert result.excerpt == ("line 3 of yours" if stage == "wrong" else "")


def test_a_bug_leaves_no_result(tmp_path: Path) -> None:
    done = work(tmp_path, "bug", {})
    assert done.returncode == 1
    assert "ValueError: oops" in done.stderr
    assert read_result(tmp_path / "result.json") is None


def test_a_spec_of_another_version_is_refused(tmp_path: Path) -> None:
    work(tmp_path, "good", {"bits": 2, "extra": 1})
    result = read_result(tmp_path / "result.json")
    assert result is not None
    assert result.status == "failed"
    assert "extra is unknown" in result.reason
