"""What every runner that starts a worker shares: its events and its environment variables."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bench.console.events import Note, Progress
from bench.errors import StageFailure
from bench.runners.limits import GIB, Limits
from bench.runners.vivado import ENVIRONMENT as VIVADO

# Some processors need these for correct results.
BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def as_event(task: str, line: str) -> Progress | Note:
    """A worker's line as an event; anything that is not one is shown as it is."""
    try:
        data = json.loads(line)
        if data.pop("event") == "progress":
            return Progress(task, **data)
        return Note(task, str(data["text"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Note(task, line)


def fixed_variables(scratch: str, cpus: int) -> dict[str, str]:
    """Environment variables that are the same in every runner, so that results are too.

    Args:
        scratch: The stage's scratch folder, as the worker sees it.
        cpus: Processors the stage may keep busy.
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


def limit_variables(environment: str, limits: Limits) -> dict[str, str]:
    """Tells the worker that runs Vivado how long that may take."""
    return {"BENCH_BUILD_SECONDS": f"{limits.vivado_seconds:g}"} if environment == VIVADO else {}


def too_slow(stage: str, environment: str, limits: Limits, log: Path) -> StageFailure:
    """The error for a stage that was stopped at its time limit."""
    minutes = limits.of(environment).seconds / 60
    return StageFailure(
        f"Stage '{stage}' took longer than {minutes:g} minutes and was stopped.",
        f"Raise `{_prefix(environment)}minutes` in the [limits] table of the experiment file, "
        "then rerun.",
        log,
    )


def too_large(what: str, environment: str, limits: Limits, log: Path) -> StageFailure:
    """The error for a stage that was killed at its memory limit; `what` begins the sentence."""
    return StageFailure(
        f"{what} reached its memory limit of {limits.of(environment).memory_bytes / GIB:g} GiB.",
        f"Raise `{_prefix(environment)}memory_gib` in the [limits] table of the experiment file, "
        "or rerun with fewer --jobs.",
        log,
    )


def _prefix(environment: str) -> str:
    return "vivado_" if environment == VIVADO else ""
