"""Designs that are known to be infeasible before anything is run."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bench.pipeline.plan import Task


def infeasible(tasks: Sequence[Task]) -> dict[str, str]:
    """Why tasks of a plan will find their designs infeasible, by task id; others are left out.

    The stage still runs, as its finding is a result. What needs it does not.
    """
    refusals = ((task.id, task.stage.refusal(task.specs)) for task in tasks)
    return {task_id: reason for task_id, reason in refusals if reason is not None}


def behind(tasks: Sequence[Task], refused: Collection[str]) -> set[str]:
    """The tasks that stand on one of `refused`; in `tasks` each comes after those it needs."""
    idle: set[str] = set()
    for task in tasks:
        if any(need in refused or need in idle for need in task.needs.values()):
            idle.add(task.id)
    return idle
