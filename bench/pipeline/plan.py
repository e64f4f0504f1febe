"""The tasks that points need, without duplicates."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bench.flows import all_stages
from bench.grids.experiment import Labels, Point
from bench.store.keys import canonical
from contract.stage import Scope, Specs, Stage


@dataclass(frozen=True, kw_only=True)
class Task:
    """A stage with a spec and given inputs; serves every point that needs it.

    Attributes:
        id: Hash of the spec and the needs; unique within a plan.
        name: Readable name of the point or training it serves.
        labels: Of a point that it serves.
        specs: Of the same point.
        needs: The task that makes each needed artifact, by role.
        gates: Tasks that have to end well before it is made, though it reads nothing of them.
        serves: Names of the points that need it.
    """

    id: str
    stage: Stage
    name: str
    labels: Labels
    specs: Specs
    needs: Mapping[str, str]
    serves: tuple[str, ...]
    gates: tuple[str, ...] = ()

    @property
    def spec(self) -> Mapping[str, Any]:
        """The stage's parameters, as JSON values."""
        return self.specs[self.stage.name]

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The tasks that have to end before it starts."""
        return tuple(dict.fromkeys((*self.needs.values(), *self.gates)))

    @cached_property
    def memory(self) -> int:
        """Bytes that it is likely to take at its peak."""
        stage = self.stage
        return stage.cost.memory + int(stage.memory(self.spec, self.specs))

    @cached_property
    def disk(self) -> int:
        """Bytes that it is likely to leave in the store."""
        stage = self.stage
        return stage.cost.disk + int(stage.disk(self.spec, self.specs))


def plan(points: Iterable[Point], stages: Sequence[Stage] | None = None) -> list[Task]:
    """The tasks of `points` for `stages`, by default all; every task after those that it needs.

    Two points share a task when its spec and everything before it are the same: one training serves
    all foldings, one compilation all image counts.
    """
    order = {stage.name: stage for stage in stages or all_stages().values()}
    drafts: dict[str, _Draft] = {}
    texts: dict[int, bytes] = {}  # thousands of points share a few specs
    for point in points:
        ids: dict[str, str] = {}
        for stage in (order[name] for name in order if name in point.specs):
            bitstream = stage.needs_bitstream if point.needs_bitstream else ()
            needs = {role: ids[role] for role in (*stage.needs, *bitstream)}
            spec = point.specs[stage.name]
            text = texts.get(id(spec))
            if text is None:
                text = texts[id(spec)] = canonical([stage.name, spec])
            identity = hashlib.sha256(text + canonical(needs)).hexdigest()
            ids[stage.role] = identity
            draft = drafts.setdefault(identity, _Draft(stage, point, needs))
            draft.serves.append(point.name)
            draft.gates.append({ids[role] for role in stage.after if role in ids})
            draft.last = point
    tasks = (draft.task(identity) for identity, draft in drafts.items())
    places = {name: place for place, name in enumerate(order)}
    return sorted(tasks, key=lambda task: places[task.stage.name])


@dataclass
class _Draft:
    """A task, while the points that it serves are collected."""

    stage: Stage
    last: Point
    needs: Mapping[str, str]
    serves: list[str] = field(default_factory=list)
    gates: list[set[str]] = field(default_factory=list)

    def task(self, identity: str) -> Task:
        point = self.last
        names = {
            Scope.DATASET: point.labels.dataset.lower(),
            Scope.NETWORK: point.labels.of_network,
            Scope.TRAINING: point.training_name,
            Scope.DESIGN: point.name,
        }
        return Task(
            id=identity,
            stage=self.stage,
            name=names[self.stage.scope],
            labels=point.labels,
            specs=point.specs,
            needs=self.needs,
            serves=tuple(self.serves),
            # Where one of the points waits for nothing, such as a reference, the task is made.
            gates=tuple(sorted(set().union(*self.gates))) if all(self.gates) else (),
        )
