"""The common part of runners that start workers: recipes, variables, limits, events."""

from __future__ import annotations

import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path

from bench.console.events import Note, Progress
from bench.console.text import counted, memory_text
from bench.environments import ENVIRONMENTS, Environment
from bench.errors import StageFailure
from bench.runners.base import Job, Runner
from bench.runners.limits import Limits
from bench.runners.vivado import VARIABLE, Vivado, find_vivado, require_plain, why_none

# Some processors need these for correct results.
BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def as_event(task: str, stage: str, line: str) -> Progress | Note:
    """A worker's line as an event; any other text becomes a note."""
    try:
        data = json.loads(line)
        if data.pop("event") == "progress":
            return Progress(task, stage, **data)
        return Note(task, str(data["text"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Note(task, line)


def fixed_variables(scratch: str, cpus: int) -> dict[str, str]:
    """Environment variables that are the same in every runner, so that results are too.

    `scratch` is the stage's scratch folder as the worker sees it.
    """
    threads = str(cpus)
    return {
        "HOME": scratch,
        "TMPDIR": scratch,
        "LC_ALL": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        **{name: os.environ[name] for name in BLAS_VARIABLES if name in os.environ},
    }


class WorkerRunner(Runner):
    """Runs stages in workers: the half of a runner that does not depend on where they run.

    `variables` may name the user's Vivado, which is looked up only when a stage needs it.
    """

    def __init__(self, limits: Limits | None, variables: Mapping[str, str]) -> None:
        self.limits = limits or Limits()
        self._variables = variables
        self._lacking: str | None = None

    def recipe(self, environment: str) -> str:
        described = ENVIRONMENTS[environment]
        parts = self._recipe_parts(described)
        if vivado := self._vivado(described):
            parts.append(f"Vivado {vivado.version}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def lacks(self, environment: str) -> str:
        """See `Runner.lacks`; looked up once, as a large grid asks for every point."""
        if not ENVIRONMENTS[environment].needs_vivado:
            return ""
        if self._lacking is None:
            self._lacking = why_none(self._variables)
        return self._lacking

    @abstractmethod
    def _recipe_parts(self, environment: Environment) -> list[str]:
        """What the installation of `environment` depends on."""

    def _vivado(self, environment: Environment) -> Vivado | None:
        """The user's Vivado if stages of `environment` run it.

        Raises:
            EnvironmentFailure: It is needed and cannot be used.
        """
        return find_vivado(self._variables) if environment.needs_vivado else None

    def _check_vivado(self, environment: Environment, *places: Path) -> None:
        """Raise `EnvironmentFailure` if a named Vivado cannot be used, or not in `places`."""
        if environment.needs_vivado and self._variables.get(VARIABLE):
            require_plain(*places, *find_vivado(self._variables).folders)

    def _vivado_variables(self, vivado: Vivado | None) -> dict[str, str]:
        """Environment variables that name Vivado, and how long it may take."""
        if vivado is None:
            return {}
        return {**vivado.variables, "BENCH_BUILD_SECONDS": f"{self.limits.vivado_seconds:g}"}

    def _too_slow(self, job: Job) -> StageFailure:
        """The error for a stage that was stopped at its time limit."""
        environment = ENVIRONMENTS[job.environment]
        minutes = self.limits.of(environment).seconds / 60
        return StageFailure(
            f"Stage '{job.request.stage}' took longer than "
            f"{counted(f'{minutes:g}', 'minute')} and was stopped.",
            f"Raise `{environment.limits}minutes` in the [limits] table of the experiment file, "
            "then rerun.",
            job.log,
        )

    def _too_large(self, what: str, job: Job) -> StageFailure:
        """The error for a stage killed at its memory limit; `what` begins the sentence."""
        environment = ENVIRONMENTS[job.environment]
        limit = memory_text(self.limits.of(environment).memory_bytes)
        return StageFailure(
            f"{what} reached its memory limit of {limit}.",
            f"Raise `{environment.limits}memory_gib` in the [limits] table of the experiment "
            "file, or rerun with fewer --jobs.",
            job.log,
        )
