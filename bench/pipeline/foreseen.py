"""Compilations that are known to find a folding infeasible, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.grids.foldings import misfits
from bench.networks import layers_of
from bench.pipeline.plan import Task
from contract.architecture import LayerShape

COMPILE = "compile"


def infeasible(tasks: Sequence[Task]) -> dict[str, str]:
    """Why compilations of a plan will be refused, by task id; those not known to be are left out.

    The compile stage still runs, as its finding is a result. What needs it does not.
    """
    by_id = {task.id: task for task in tasks}
    refused: dict[str, str] = {}
    shapes: dict[str, tuple[LayerShape, ...]] = {}  # by export: each is compiled many times
    reasons: dict[object, str] = {}  # many trainings share a few foldings
    for task in tasks:
        if task.stage.name != COMPILE or task.spec["folding"] is None:
            continue
        table = tuple((pe, simd) for pe, simd in task.spec["folding"])
        export = task.needs["export"]
        if export not in shapes:
            specs = {name: by_id[need].spec for name, need in by_id[export].needs.items()}
            shapes[export] = layers_of(specs["train"], specs["dataset"])
        layers = shapes[export]
        if (table, layers) not in reasons:
            reasons[table, layers] = next((what for what, _ in misfits(table, layers)), "")
        if reason := reasons[table, layers]:
            refused[task.id] = reason
    return refused


def behind(tasks: Sequence[Task], refused: Mapping[str, str]) -> set[str]:
    """The tasks that stand on one of `refused`; in `tasks` each comes after those it needs."""
    found: set[str] = set()
    for task in tasks:
        if any(need in refused or need in found for need in task.needs.values()):
            found.add(task.id)
    return found
