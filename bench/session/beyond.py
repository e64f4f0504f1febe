"""What of a run is expected to take more than one stage may: said before it starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bench.console.terminal import Terminal, styled
from bench.console.text import counted, duration_text, memory_text
from bench.environments import ENVIRONMENTS
from bench.grids.tables import LimitsTable
from bench.pipeline import Forecast, Task
from bench.system.gpu import has_gpu
from contract.stage import GIB
from contract.stages import train

_FASTER = {
    "train": "fewer epochs or train_images, a narrower network, a machine with a GPU",
    "simulate": "fewer images, a faster folding",
    "measure": "fewer images, a faster folding",
}
_SMALLER = {"train": "a smaller batch_size or image_size, a narrower network"}


def show_beyond(
    tasks: Iterable[Task], expected: Forecast, limits: LimitsTable, console: Terminal
) -> None:
    """Print a line for each stage that is likely to be stopped; nothing where none is."""
    for sentence in beyond(tasks, expected, limits):
        console.one_line(styled("[yellow]note[/] {}", sentence))


def beyond(tasks: Iterable[Task], expected: Forecast, limits: LimitsTable) -> Iterator[str]:
    """A sentence for each stage that is likely to be stopped, of its longest or largest task.

    Args:
        tasks: The plan.
        expected: What is expected of it.
        limits: Of the grid; those of Vivado's stage are its own.
    """
    by_stage: dict[str, list[Task]] = {}
    for task in tasks:
        if task.id in expected.predictions and not _has_limits_of_its_own(task):
            by_stage.setdefault(task.stage.name, []).append(task)
    for stage, of_stage in by_stage.items():
        costs = {task.id: expected.predictions[task.id].cost for task in of_stage}
        slow = [
            task
            for task in of_stage
            if costs[task.id].seconds > limits.minutes * 60 and not _faster_by_a_gpu(task, expected)
        ]
        if slow:
            worst = max(slow, key=lambda task: costs[task.id].seconds)
            taken = duration_text(costs[worst.id].seconds)
            allowed = f"limits.minutes = {limits.minutes:g}"
            yield _sentence(stage, worst, slow, taken, allowed, _FASTER.get(stage, ""))
        large = [task for task in of_stage if costs[task.id].memory > limits.memory_gib * GIB]
        if large:
            worst = max(large, key=lambda task: costs[task.id].memory)
            taken = memory_text(costs[worst.id].memory)
            allowed = f"limits.memory_gib = {limits.memory_gib:g}"
            yield _sentence(stage, worst, large, taken, allowed, _SMALLER.get(stage, ""))


def _has_limits_of_its_own(task: Task) -> bool:
    environment = ENVIRONMENTS.get(task.stage.environment)
    return environment is not None and environment.needs_vivado


def _faster_by_a_gpu(task: Task, expected: Forecast) -> bool:
    """Whether a GPU will do it, and what is expected is the time of a processor."""
    prediction = expected.predictions[task.id]
    measured = prediction.runs > 0 and prediction.here
    return task.stage.name == train.STAGE.name and has_gpu() and not measured


def _sentence(
    stage: str, worst: Task, tasks: list[Task], taken: str, allowed: str, helps: str
) -> str:
    others = f" ({counted(len(tasks) - 1, 'other')} too)" if len(tasks) > 1 else ""
    return (
        f"{stage} {worst.name} is expected to take {taken}{others}, and would be stopped by "
        f"{allowed}. What helps: {f'{helps}, or ' if helps else ''}a larger limit."
    )
