"""What a task is likely to take, so that the longest work starts first and memory suffices.

The figures are rough on purpose: they order work and keep memory in bounds, and change no result.
They were measured on TFC with two jobs on two busy cores; docs/benchmarks.md has the details.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psutil

from bench.errors import ConfigError
from bench.pipeline.plan import Task

GIB = 1024**3
# Of what is free when the run starts: the rest is for the file cache and everybody else.
SHARE_OF_FREE_MEMORY = 0.8
# How many smaller tasks may start before one that is waiting for memory.
MAY_PASS = 8
TRAIN_IMAGES = 60_000
TRAIN_SECONDS_PER_IMAGE = 1.2e-4


@dataclass(frozen=True)
class Cost:
    """What a task of a stage takes: seconds, and bytes of memory at its peak, rounded up."""

    seconds: float
    memory: int


_COSTS = {
    "dataset": Cost(5, GIB // 4),
    "train": Cost(6, GIB * 6 // 10),
    "export": Cost(8, GIB * 6 // 10),
    "compile": Cost(7, GIB * 3 // 10),
    "size": Cost(12, GIB // 2),
    "simulate": Cost(10, GIB // 2),
    "measure": Cost(2, GIB * 3 // 10),
}
_UNKNOWN = Cost(10, GIB)


def cost(task: Task) -> Cost:
    """What `task` is likely to take."""
    found = _COSTS.get(task.stage.name, _UNKNOWN)
    if task.stage.name != "train":
        return found
    images = task.spec["train_images"] or TRAIN_IMAGES
    epochs = found.seconds + task.spec["epochs"] * images * TRAIN_SECONDS_PER_IMAGE
    return Cost(epochs, found.memory)


def ranks(tasks: Sequence[Task]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain that it begins.

    Args:
        tasks: A plan, each task after those that it needs.
    """
    found: dict[str, float] = {}
    after: dict[str, float] = {}
    for task in reversed(tasks):
        found[task.id] = cost(task).seconds + after.get(task.id, 0.0)
        for need in task.needs.values():
            after[need] = max(after.get(need, 0.0), found[task.id])
    return found


def free_memory() -> int:
    """Bytes that a run may plan with on this machine."""
    return int(psutil.virtual_memory().available * SHARE_OF_FREE_MEMORY)


def require_memory(tasks: Iterable[Task], budget: int) -> None:
    """Refuse a budget that is smaller than a single task.

    Raises:
        ConfigError: With the stage, and what it takes.
    """
    largest = max(tasks, key=lambda task: cost(task).memory, default=None)
    if largest is not None and cost(largest).memory > budget:
        raise ConfigError(
            f"The memory budget is {budget / GIB:.2f} GiB, but stage '{largest.stage.name}' alone "
            f"takes up to {cost(largest).memory / GIB:.2f} GiB.",
            "Free some memory, or give a larger --memory.",
        )
