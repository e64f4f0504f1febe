"""`bench` as a process whose stages are made up: many files to commit, and children that wait.

Usage: python signalled_bench.py STAGE ARGUMENT...: in STAGE, a child prints its process id and
waits; `none` for no such stage.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from bare_runner import BareRunner, resolver_on
from bench.console.events import Emit, Note
from bench.errors import StageFailure
from bench.pipeline import Resolver
from bench.runners import Job
from bench.runners.wire import Result
from bench.session import runners
from bench.system.locks import Cancelled
from bench.system.process import Child

FILES = 150
WAIT = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


class Runner(BareRunner):
    """Writes many files; in one stage it waits for a child that never ends."""

    name = "venv"

    def __init__(self, waits_in: str) -> None:
        super().__init__()
        self._waits_in = waits_in

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        outputs = job.request.outputs
        for number in range(FILES):
            (outputs / f"{number}.bin").write_text(f"{job.task} {number}")
        (outputs / "metrics.json").write_text(json.dumps({"spec": job.request.spec}))
        if job.request.stage == self._waits_in:
            with (
                job.log.open("ab") as log,
                Child([sys.executable, "-c", WAIT], dict(os.environ), log, cancelled) as child,
            ):
                for line in child.lines():
                    emit(Note(job.task, f"child {line}"))
            if cancelled.is_set():
                raise Cancelled
            raise StageFailure("The child ended.", "", job.log)
        return Result("done", "", "", "", {}, {}, 0)


def main() -> int:
    waits_in = sys.argv.pop(1)

    def open_resolver(path: Path, choice: object, grid: object) -> Resolver:
        return resolver_on(path, Runner(waits_in))

    runners.open_resolver = open_resolver  # type: ignore[assignment]
    from bench.__main__ import main as bench

    return bench()


if __name__ == "__main__":
    raise SystemExit(main())
