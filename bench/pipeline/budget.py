"""What a task is likely to take, so that the longest work starts first and memory suffices.

The figures are rough on purpose: they order work and keep memory in bounds, and change no result.
Each stage declares its own, as measured for TFC on two quiet processors
(docs/explanation/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import psutil

from bench.console.text import memory_text
from bench.errors import ConfigError
from bench.flows import all_stages
from bench.pipeline.plan import Task
from contract.stage import GIB, Cost, Scope

# Of the memory that is free when the run starts; the rest is for the file cache and other users.
SHARE_OF_FREE_MEMORY = 0.8
# For setting up an environment, downloads included.
SETUP_SECONDS = {"train": 60.0, "finn": 60.0}
_UNKNOWN = Cost(seconds=10, memory=GIB, disk=1_000_000)


@dataclass(frozen=True)
class Work:
    """What decides how long a task takes, as far as a plan tells.

    Attributes:
        bits: Of weights and activations.
        variant: Options of the stage: exact simulation, waveforms, a real board.
        amount: Multiplications in training, or cycles simulated; 0 for the other stages.
        memory, disk: Bytes that the declarations expect; 0 in records of versions that did not
            write it.
    """

    stage: str
    network: str = ""
    bits: str = ""
    folding: str = ""
    variant: str = ""
    amount: float = 0.0
    memory: int = 0
    disk: int = 0


def memory_of(task: Task) -> int:
    """Bytes that `task` is likely to take at its peak."""
    return task.memory


def default_cost(work: Work) -> Cost:
    """What `work` takes on the machine that the figures come from."""
    stage = all_stages().get(work.stage)
    cost = stage.cost if stage else _UNKNOWN
    seconds = cost.seconds + work.amount * cost.per_unit
    return replace(
        cost, seconds=seconds, memory=work.memory or cost.memory, disk=work.disk or cost.disk
    )


def works(tasks: Sequence[Task]) -> dict[str, Work]:
    """The work of every task of a plan, by task id."""
    return {task.id: _work(task) for task in tasks}


def _work(task: Task) -> Work:
    stage, labels = task.stage, task.labels
    is_trained, is_built = stage.scope is not Scope.DATASET, stage.scope is Scope.DESIGN
    return Work(
        stage=stage.name,
        network=labels.network if is_trained else "",
        bits=labels.precision.label if is_trained and labels.precision else "",
        folding=(labels.folding or "") if is_built else "",
        variant=stage.variant(task.spec),
        amount=stage.amount(task.spec, task.specs),
        memory=memory_of(task),
        disk=task.disk,
    )


def ranks(tasks: Sequence[Task], work: Mapping[str, Work]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain that it begins."""
    rank: dict[str, float] = {}
    after: dict[str, float] = {}
    for task in reversed(tasks):
        rank[task.id] = default_cost(work[task.id]).seconds + after.get(task.id, 0.0)
        for need in task.waits_for:
            after[need] = max(after.get(need, 0.0), rank[task.id])
    return rank


def free_memory() -> int:
    """Bytes that a run may plan with on this machine."""
    return int(psutil.virtual_memory().available * SHARE_OF_FREE_MEMORY)


def require_memory(tasks: Iterable[Task], budget: int) -> None:
    """Refuse a budget that is smaller than a single task.

    Raises:
        ConfigError: With the stage, and what it takes.
    """
    largest = max(tasks, key=memory_of, default=None)
    if largest is not None and memory_of(largest) > budget:
        raise ConfigError(
            f"The memory budget is {memory_text(budget)}, but stage '{largest.stage.name}' alone "
            f"takes up to {memory_text(memory_of(largest))}.",
            "Free some memory, or give a larger --memory.",
        )
