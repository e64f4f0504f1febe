"""Stages of equal work for the benchmark of Dask: each keeps one processor busy in a child."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import pbkdf2_hmac
from pathlib import Path

from bench.console.events import Emit
from bench.environments import ENVIRONMENTS
from bench.errors import StageFailure
from bench.pipeline import Resolver
from bench.runners import Job, Runner
from bench.runners.wire import Result
from bench.store import Store
from bench.system.process import Child, MemoryWatch, describe_exit

# In C and in the processor's own caches: two of them slow each other down as little as can be.
WORK = "import hashlib, sys; hashlib.pbkdf2_hmac('sha256', b'', b'', int(sys.argv[1]))"
TRIAL_ROUNDS = 200_000


def rounds_for(seconds: float) -> int:
    """How many rounds of the work take about `seconds` here, on an idle processor."""
    start = time.process_time()
    pbkdf2_hmac("sha256", b"", b"", TRIAL_ROUNDS)
    return int(TRIAL_ROUNDS * seconds / (time.process_time() - start))


@dataclass(frozen=True)
class FixedSite:
    """As `bench.cluster.Site`, but every stage is so many rounds of the same work."""

    store: Path
    rounds: int

    def __call__(self) -> Resolver:
        """The store, and the runner of the work."""
        runner = FixedRunner(self.rounds)
        return Resolver(Store(self.store), dict.fromkeys(("host", *ENVIRONMENTS), runner))


class FixedRunner(Runner):
    """Does the work in a child, as the venv runner does a worker's.

    Args:
        rounds: How much of it.
    """

    name = "fixed"

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds

    def recipe(self, environment: str) -> str:
        """The amount of work."""
        return f"{self._rounds} rounds in {environment}"

    def describe(self, environment: str) -> Mapping[str, str]:  # noqa: ARG002
        """The interpreter."""
        return {"python": platform.python_version()}

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:  # noqa: ARG002
        """Work; see `Runner.run`."""
        command = [sys.executable, "-c", WORK, str(self._rounds)]
        with (
            job.log.open("ab") as log,
            Child(command, dict(os.environ), log, cancelled) as child,
            MemoryWatch(child.pid) as memory,
        ):
            status = child.wait()
        if status:
            raise StageFailure(f"The work {describe_exit(status)}.", "See its log.", job.log)
        (job.request.outputs / "metrics.json").write_text("{}\n")
        result = Result("done", "", "", {}, {}, 0)
        return replace(result, peak_memory_bytes=memory.peak_bytes)
