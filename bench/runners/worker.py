"""What every runner that starts a worker shares: its events and its environment variables."""

from __future__ import annotations

import json
import os

from bench.events import Note, Progress

# Some processors need these for correct results.
BLAS_VARIABLES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def as_event(task: str, line: str) -> Progress | Note:
    """A worker's line as an event; anything that is not one is shown as it is."""
    try:
        data = json.loads(line)
        if data.pop("event") == "progress":
            return Progress(task, **data)
        return Note(task, str(data["text"]))
    except (ValueError, TypeError, KeyError, AttributeError):
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
