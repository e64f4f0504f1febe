"""The interface of runners to the pipeline."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.console.events import Emit
from bench.runners.wire import Request, Result


@dataclass(frozen=True)
class Job:
    """A stage to run.

    Attributes:
        task: Name for people, e.g. `tfc-mnist-w2a2-s1`.
        log: File for everything that the stage prints.
    """

    task: str
    environment: str
    request: Request
    log: Path


class Runner(ABC):
    """Runs stages in a kind of environment, by default in one that needs no setup."""

    name: str
    """In manifests and results: `host`, `venv` or `docker`."""

    def recipe(self, environment: str) -> str:
        """Hash of what defines `environment` besides the stage's sources; part of every key."""
        return environment

    def describe(self, environment: str) -> Mapping[str, str]:  # noqa: ARG002
        """The manifest's entries on `environment` besides its recipe; complete once prepared."""
        return {}

    def lacks(self, environment: str) -> str:  # noqa: ARG002
        """Why stages of `environment` cannot run here; empty where they can. Never raises."""
        return ""

    def ready(self, environment: str) -> bool:  # noqa: ARG002
        """Whether `environment` is set up, so that `prepare` will be quick; changes nothing."""
        return True

    def check(self, environment: str) -> None:  # noqa: B027
        """Raise `EnvironmentFailure` if this machine cannot offer `environment`.

        Without a named Vivado, the stages that need it are skipped: that is no error.
        """

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:  # noqa: B027
        """Make `environment` ready; quick when it is.

        Raises:
            EnvironmentFailure: It could not be set up.
            Cancelled: `cancelled` was set.
        """

    @abstractmethod
    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """Run the stage.

        Raises:
            BenchError: The stage crashed, was killed, or could not be started.
            Cancelled: `cancelled` was set.
        """
