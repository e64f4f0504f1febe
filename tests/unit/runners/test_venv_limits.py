"""The limits of a stage in a virtual environment, and those of the stage that runs Vivado."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bench.console.events import Event, Note
from bench.errors import StageFailure
from bench.grids.grid import load_grid
from bench.runners import Job
from bench.runners import venv as module
from bench.runners.limits import GIB, Limits
from bench.runners.venv import VenvRunner
from bench.runners.wire import Request
from bench.session.runners import limits_of

HUNGRY = "import time; x = bytearray(60_000_000); time.sleep(60)"
SLOW = "import time; time.sleep(60)"
TELL = "import os; print(os.environ.get('BENCH_BUILD_SECONDS'))"


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job whose worker is a module `stagekit` in a folder of its own, run by this interpreter."""
    stand_in = replace(module.ENVIRONMENTS["finn"], worker_folders=(tmp_path,), compiler=False)
    monkeypatch.setitem(module.ENVIRONMENTS, "finn", stand_in)
    vivado = replace(stand_in, name="vivado", base="finn", needs_vivado=True, limits="vivado_")
    monkeypatch.setitem(module.ENVIRONMENTS, "vivado", vivado)
    python = VenvRunner(tmp_path)._home("finn") / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    request = Request(
        stage="simulate", key="", spec={}, inputs={}, outputs=tmp_path, scratch=tmp_path,
        cache=tmp_path, result=tmp_path / "result.json", cpus=1,
    )  # fmt: skip
    return Job("task", "finn", request, tmp_path / "log")


def work(job: Job, code: str, limits: Limits) -> tuple[StageFailure, list[Event]]:
    """Run `code` as the worker, which leaves no result."""
    (job.request.scratch / "stagekit.py").write_text(code)
    events: list[Event] = []
    with pytest.raises(StageFailure) as caught:
        VenvRunner(job.request.scratch, limits).run(job, events.append, threading.Event())
    return caught.value, events


@pytest.mark.parametrize(
    ("code", "limits", "said", "remedy"),
    [
        (HUNGRY, Limits(memory_bytes=GIB // 32), "memory limit of 0.0312 GiB", "`memory_gib`"),
        (SLOW, Limits(seconds=0.06), "took longer than 0.001 minutes", "`minutes`"),
    ],
)
def test_a_stage_beyond_its_limits_is_stopped(
    job: Job, code: str, limits: Limits, said: str, remedy: str
) -> None:
    failure, _ = work(job, code, limits)
    assert said in failure.what
    assert remedy in failure.remedy
    assert failure.log == job.log


def test_a_worker_finds_what_lies_in_folders_of_extensions(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After what is its own, so that a file of a user's hides none of that."""
    monkeypatch.setenv("BENCH_EXTENSIONS", str(tmp_path / "own stages"))
    code = "import os; print(os.environ['PYTHONPATH'])"
    (path,) = (event.text for event in work(job, code, Limits())[1] if isinstance(event, Note))
    assert path.split(os.pathsep) == [str(tmp_path), str(tmp_path / "own stages")]


def test_vivado_has_limits_of_its_own(
    job: Job, grid_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid_file.write_text(
        grid_file.read_text() + "\n[limits]\nvivado_memory_gib = 0.03125\nvivado_minutes = 2\n"
    )
    limits = limits_of(load_grid(grid_file))
    vivado = tmp_path / "Vivado" / "2022.2" / "bin" / "vivado"
    vivado.parent.mkdir(parents=True)
    vivado.touch()
    monkeypatch.setenv("XILINX_VIVADO", str(vivado.parent.parent))
    synthesize = replace(job, environment="vivado")
    assert Note("task", "120") in work(synthesize, TELL, limits)[1]
    assert Note("task", "None") in work(job, TELL, limits)[1]
    failure, _ = work(synthesize, HUNGRY, limits)
    assert "0.0312 GiB" in failure.what
    assert "`vivado_memory_gib`" in failure.remedy
