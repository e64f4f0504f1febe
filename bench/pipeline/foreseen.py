"""Compilations that are known to find a folding infeasible, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.grids.catalog import DATASETS, NETWORKS, LayerShape
from bench.grids.foldings import misfits
from bench.pipeline.plan import Task

COMPILE = "compile"


def infeasible(tasks: Sequence[Task]) -> dict[str, str]:
    """Why compilations of a plan will be refused, by task id; those not known to be are left out.

    The compile stage still runs, as its finding is a result. What needs it does not.
    """
    by_id = {task.id: task for task in tasks}
    found: dict[str, str] = {}
    known: dict[object, str] = {}  # many trainings share a few foldings
    for task in tasks:
        if task.stage.name != COMPILE or task.spec["folding"] is None:
            continue
        table = tuple((pe, simd) for pe, simd in task.spec["folding"])
        layers = _layers(task, by_id)
        if (table, layers) not in known:
            known[table, layers] = next((what for what, _ in misfits(table, layers)), "")
        if reason := known[table, layers]:
            found[task.id] = reason
    return found


def behind(tasks: Sequence[Task], refused: Mapping[str, str]) -> set[str]:
    """The tasks that stand on one of `refused`; in `tasks` each comes after those it needs."""
    found: set[str] = set()
    for task in tasks:
        if any(need in refused or need in found for need in task.needs.values()):
            found.add(task.id)
    return found


def _layers(task: Task, by_id: Mapping[str, Task]) -> tuple[LayerShape, ...]:
    """The layers of the network that the compilation `task` folds."""
    export = by_id[task.needs["export"]]
    train, dataset = (by_id[export.needs[name]].spec for name in ("train", "dataset"))
    network = NETWORKS[train["network"]]
    return tuple(network.layers(train["image_size"], DATASETS[dataset["name"]].classes))
