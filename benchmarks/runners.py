"""The overhead of each runner: a worker that starts, refuses its request and ends."""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

from bench.errors import EnvironmentFailure
from bench.runners import Job, Runner
from bench.runners.wire import Request
from bench.session.runners import choose_runner, prepare_runner

# Overhead that a stage may have, in seconds.
GOALS = {"venv": 0.3, "docker": 1.5}
ENVIRONMENT = "finn"


def overhead(name: str, store: Path, repeats: int) -> list[float]:
    """Seconds that the runner `name` takes for a stage without work.

    Raises:
        EnvironmentFailure: This machine does not offer the runner.
    """
    choice = choose_runner(name, store)
    prepare_runner(choice)
    choice.runner.prepare(ENVIRONMENT, lambda _: None, threading.Event())
    return [_once(choice.runner, store) for _ in range(repeats)]


def _once(runner: Runner, store: Path) -> float:
    with tempfile.TemporaryDirectory(dir=store / "tmp") as name:
        folder = Path(name)
        for part in ("outputs", "scratch", "cache"):
            (folder / part).mkdir()
        request = Request(
            stage="nothing",
            key="",
            spec={},
            inputs={},
            outputs=folder / "outputs",
            scratch=folder / "scratch",
            cache=folder / "cache",
            result=folder / "result.json",
            cpus=1,
        )
        start = time.monotonic()
        result = runner.run(
            Job("nothing", ENVIRONMENT, request, folder / "log.txt"),
            lambda _: None,
            threading.Event(),
        )
        seconds = time.monotonic() - start
    if "has no stage 'nothing'" not in result.reason:
        raise EnvironmentFailure(f"The worker did not answer as expected: {result.reason}")
    return seconds
