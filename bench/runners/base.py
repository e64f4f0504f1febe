"""What every runner offers the pipeline."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.console.events import Emit
from bench.runners.wire import Request, Result


@dataclass(frozen=True)
class Job:
    """One stage to run.

    Attributes:
        task: Name for people, e.g. `tfc-mnist-w2a2-s1`.
        environment: The environment the stage asks for.
        request: What to do.
        log: File that takes everything the work prints.
    """

    task: str
    environment: str
    request: Request
    log: Path


class Runner(Protocol):
    """Runs stages in one kind of environment."""

    @property
    def name(self) -> str:
        """Name in manifests and results: `host`, `venv` or `docker`."""

    def recipe(self, environment: str) -> str:
        """Hash of what defines `environment` besides the stage's sources; part of every key."""

    def describe(self, environment: str) -> Mapping[str, str]:
        """What a manifest says of `environment` besides its recipe; complete once prepared."""

    def lacks(self, environment: str) -> str:
        """Why stages of `environment` cannot run here; empty where they can. Never raises."""

    def ready(self, environment: str) -> bool:
        """Whether `environment` is set up, so that `prepare` will be quick; changes nothing."""

    def check(self, environment: str) -> None:
        """Raise `EnvironmentFailure` at once if this machine cannot offer `environment`.

        That nobody named a Vivado is no error: the stages that need one are then skipped.
        """

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:
        """Make `environment` ready; quick when it is.

        Raises:
            EnvironmentFailure: It could not be set up.
            Cancelled: `cancelled` was set.
        """

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """Do the job and say how it ended.

        Raises:
            BenchError: It crashed, was killed, or could not be started.
            Cancelled: `cancelled` was set.
        """
