"""A store and runners for the workers of a test's Dask cluster; they do a stage's work in no time.

What happens is told by files in a folder: `ran` gets a line for each stage, and the stage named in
`hang` (`stage task`) tells its process in `hanging` and waits for as long as that file is there.
"""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from bare_runner import ENVIRONMENTS, BareRunner
from bench.console.events import Emit, Note
from bench.errors import StageFailure
from bench.pipeline import Resolver
from bench.runners import Job
from bench.runners.wire import Result
from bench.store import Store
from bench.system.locks import Cancelled


@dataclass(frozen=True)
class TestSite:
    """Makes the resolver; `recipe` stands for the version of the environments."""

    __test__ = False

    folder: Path
    recipe: str = "recipe"
    seconds: float = 0.0

    def __call__(self) -> Resolver:
        runners = dict.fromkeys(ENVIRONMENTS, TellingRunner(self))
        return Resolver(Store(self.folder / "store"), runners)


class TellingRunner(BareRunner):
    """Writes what a stage would, and tells of it."""

    name = "telling"

    def __init__(self, site: TestSite) -> None:
        super().__init__()
        self._site = site

    def recipe(self, environment: str) -> str:
        changed = self._site.folder / "recipe"
        own = changed.read_text() if changed.exists() and os.environ.get("OTHER_VERSION") else ""
        return f"{self._site.recipe}{own} {environment}"

    def check(self, environment: str) -> None:
        raise AssertionError("the client needs no environment")

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        folder, what = self._site.folder, f"{job.request.stage} {job.task}"
        with (folder / "ran").open("a") as file:
            file.write(f"{what}\n")
        emit(Note(job.task, f"on {os.getpid()}"))
        job.log.write_text("working\n")
        hang, fail = folder / "hang", folder / "fail"
        if hang.exists() and hang.read_text() == what:
            (folder / "hanging").write_text(str(os.getpid()))
            while hang.exists():
                if cancelled.is_set():
                    (folder / "cancelled").touch()
                    raise Cancelled
                time.sleep(0.05)
        if fail.exists() and fail.read_text() == what:
            raise StageFailure("It broke.", "Mend it.", job.log)
        time.sleep(self._site.seconds)
        (job.request.outputs / "metrics.json").write_text(json.dumps({"task": job.task}))
        return Result("done", "", "", "", {}, {}, 1)
