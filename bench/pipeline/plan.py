"""The tasks that experiments come down to, each one once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.grids.experiment import Point, StageSpec, spec_as_json
from bench.stages import STAGES, Stage
from bench.store.keys import canonical


@dataclass(frozen=True)
class Task:
    """One stage with one spec and given inputs; serves every experiment that needs it.

    Attributes:
        id: Identifies the task within a plan, by what it is to do.
        stage: The stage.
        name: Readable name of the experiment or training it serves.
        spec: The stage's parameters, as JSON values.
        needs: The task that makes each needed artifact, by stage name.
        serves: Names of the experiments that need it.
    """

    id: str
    stage: Stage
    name: str
    spec: Mapping[str, Any]
    needs: Mapping[str, str]
    serves: tuple[str, ...]


def plan(experiments: Iterable[Point], stages: tuple[Stage, ...] = STAGES) -> list[Task]:
    """The tasks of `experiments` for `stages`, every task after those that it needs.

    Two experiments share a task when its spec and everything before it are the same: one training
    serves all foldings, one compilation all image counts.
    """
    drafts: dict[str, _Draft] = {}
    # Thousands of points share a few of them: as JSON values, and their hashes.
    specs: dict[StageSpec, tuple[dict[str, Any], str]] = {}
    for experiment in experiments:
        ids: dict[str, str] = {}
        for stage in stages:
            own = experiment.spec(stage.name)
            if own is None:
                continue
            bitstream = stage.bitstream_needs if experiment.needs_bitstream else ()
            needs = {name: ids[name] for name in (*stage.needs, *bitstream)}
            if own not in specs:
                values = spec_as_json(own)
                specs[own] = values, hashlib.sha256(canonical(values)).hexdigest()
            spec, spec_hash = specs[own]
            identity = hashlib.sha256(canonical([stage.name, spec_hash, needs])).hexdigest()
            ids[stage.name] = identity
            draft = drafts.setdefault(identity, _Draft(stage, spec, needs))
            draft.name = _readable_name(stage, experiment)
            draft.serves.append(experiment.name)
    order = {stage.name: number for number, stage in enumerate(stages)}
    tasks = (
        Task(identity, draft.stage, draft.name, draft.spec, draft.needs, tuple(draft.serves))
        for identity, draft in drafts.items()
    )
    return sorted(tasks, key=lambda task: order[task.stage.name])


@dataclass
class _Draft:
    """A task while it is not known yet whom it serves."""

    stage: Stage
    spec: Mapping[str, Any]
    needs: Mapping[str, str]
    name: str = ""
    serves: list[str] = field(default_factory=list)


def _readable_name(stage: Stage, experiment: Point) -> str:
    if not stage.needs:
        return experiment.dataset.name.lower()
    return experiment.name if stage.per_folding else experiment.training_name
