"""The state of every task and every point of a grid, looked up once in the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.pipeline.plan import Task, plan
from bench.pipeline.resolve import Resolver
from bench.store import DamageError, Entry, Manifest
from bench.store.keys import SHORT
from bench.words import State, Status
from contract.stage import Stage


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What the store holds of one task.

    Attributes:
        key: Of its artifact; None as long as an input is missing.
        failure: Folder and manifest of the latest attempt to make it, if that failed.
        damage: What is wrong with the artifact; it counts as missing, as a run makes it again.
    """

    key: str | None = None
    entry: Entry | None = None
    failure: tuple[Path, Manifest] | None = None
    damage: DamageError | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """A task, what the store holds of it, and its status.

    Attributes:
        status: `skipped` if a run would skip it, too: the machine lacks something, or a step that
            it needs is skipped, infeasible or wrong.
        reason: For every status but `done`.
        lack: What the machine lacks for it; None if it can run here.
    """

    task: Task
    stored: Stored
    status: Status
    reason: str | None = None
    lack: str | None = None

    @property
    def stage(self) -> str:
        """The stage's name."""
        return self.task.stage.name

    @property
    def role(self) -> str:
        """What its artifact is to the steps that need it."""
        return self.task.stage.role

    @property
    def spec(self) -> Mapping[str, Any]:
        """The stage's parameters, seeds included."""
        return self.task.spec

    @property
    def needs(self) -> tuple[str, ...]:
        """The roles whose artifacts it reads."""
        return tuple(self.task.needs)

    @property
    def entry(self) -> Entry | None:
        """The artifact."""
        return self.stored.entry

    @property
    def manifest(self) -> Manifest | None:
        """Of the artifact, or of the failed attempt."""
        failure = self.stored.failure[1] if self.stored.failure else None
        return self.entry.manifest if self.entry else failure

    @property
    def folder(self) -> Path | None:
        """Where the artifact is; None for a failure."""
        return self.entry.folder if self.entry else None

    @property
    def log(self) -> Path | None:
        """The output of a stage that is not done; may be missing in an archive."""
        if self.status == Status.DONE:
            return None
        folder = self.stored.failure[0] if self.stored.failure else self.folder
        path = folder / "log.txt" if folder else None
        return path if path is not None and path.is_file() else None

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """The stage's metrics, read and compared with their hash once; empty without artifact.

        Raises:
            DamageError: They are not what the stage wrote.
        """
        return self.entry.metrics() if self.entry else {}


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The points of a grid (experiments and trainings), and the state of each.

    Attributes:
        steps: Of all points by task id, each after those that it needs.
        root: The store's folder.
    """

    points: tuple[Point, ...]
    steps: Mapping[str, Step]
    root: Path

    @cached_property
    def tasks(self) -> list[Task]:
        """The plan of all points."""
        return [step.task for step in self.steps.values()]

    @cached_property
    def present(self) -> dict[str, Entry]:
        """The artifacts that are there, by task id."""
        return {task: step.entry for task, step in self.steps.items() if step.entry}

    @property
    def lacks(self) -> dict[str, str]:
        """Why the machine skips the stages of an environment, by environment."""
        return {s.task.stage.environment: s.lack for s in self.steps.values() if s.lack}

    @property
    def missing(self) -> list[Task]:
        """The tasks that a run would try."""
        return [
            s.task
            for s in self.steps.values()
            if s.entry is None and s.status != Status.SKIPPED and s.task.id not in self.idle
        ]

    @cached_property
    def idle(self) -> set[str]:
        """The tasks of which nothing is wanted: all that wait for them are made."""
        waiting: dict[str, list[bool]] = defaultdict(list)
        idle: set[str] = set()
        for step in reversed([*self.steps.values()]):
            if waiting[step.task.id] and not any(waiting[step.task.id]):
                idle.add(step.task.id)
            for need in step.task.needs.values():
                waiting[need].append(step.task.id not in idle)
            for gate in step.task.gates:
                waiting[gate].append(step.entry is None)
        return idle

    @cached_property
    def chains(self) -> dict[str, tuple[Step, ...]]:
        """The steps behind each point by its name, in the order of the stages, but idle ones."""
        chains: dict[str, list[Step]] = defaultdict(list)
        places = {name: place for place, name in enumerate(all_stages())}
        steps = (step for step in self.steps.values() if step.task.id not in self.idle)
        for step in sorted(steps, key=lambda step: places[step.stage]):
            for name in step.task.serves:
                chains[name].append(step)
        return {name: tuple(steps) for name, steps in chains.items()}

    @cached_property
    def _trainings(self) -> dict[str, str]:
        """The name of a point that uses each training."""
        return {point.training_name: point.name for point in self.points}

    def steps_of(self, point: Point) -> dict[str, Step]:
        """The steps behind a point, or behind the training of one, by stage."""
        name = point.name if point.name in self.chains else self._trainings[point.name]
        return {step.stage: step for step in self.chains[name] if step.stage in point.specs}

    def state_of(self, point: Point) -> State:
        """The state of a point: that of the first step that is not done.

        Steps that no other step of the point needs do not count, such as a synthesis beside an
        emulated measurement; the last one always does.
        """
        steps = self.steps_of(point)
        needed = {task for step in steps.values() for task in step.task.waits_for}
        last = [*steps][-1]
        for step in steps.values():
            if (step.task.id in needed or step.stage == last) and step.status != Status.DONE:
                reason = step.reason if step.status != Status.MISSING else None
                return State(status=step.status, stage=step.stage, reason=reason)
        return State(status=Status.DONE)

    def tasks_for(self, points: Iterable[Point], stages: Iterable[Stage]) -> list[Task]:
        """The part of the plan for `points`, or their trainings, and `stages`."""
        serves: dict[str, list[str]] = defaultdict(list)
        wanted = {stage.name for stage in stages}
        for point in points:
            for stage, step in self.steps_of(point).items():
                if stage in wanted:
                    serves[step.task.id].append(point.name)
        return [
            replace(task, serves=tuple(serves[task.id])) for task in self.tasks if task.id in serves
        ]

    def require_sound(self) -> None:
        """Before a report, in which damaged artifacts must not look like missing ones.

        Raises:
            DamageError: An artifact is damaged.
        """
        for step in self.steps.values():
            if step.stored.damage is not None and step.task.id not in self.idle:
                raise step.stored.damage

    def after(self, made: Mapping[str, Entry | None], resolver: Resolver) -> Survey:
        """The survey after a run that has `made` artifacts; only what changed is looked up.

        Args:
            made: By task id, of all tasks of the run; None for a task without artifact.
            resolver: Keys and the store.
        """
        earlier = {task: step.stored for task, step in self.steps.items() if task not in made}
        for task, entry in made.items():
            if entry is not None:
                earlier[task] = Stored(key=entry.manifest.key, entry=entry)
        return look_up(self.tasks, resolver, self.points, earlier)


def survey(points: Sequence[Point], *resolvers: Resolver, verify: bool = False) -> Survey:
    """Plan and look up all `points`.

    Args:
        points: Experiments and trainings.
        resolvers: Several differ in their runners; the result is the survey of the one with the
            most artifacts in the store.
        verify: See `look_up`.
    """
    tasks = plan(points)
    surveys = (look_up(tasks, resolver, points, verify=verify) for resolver in resolvers)
    return max(surveys, key=lambda survey: len(survey.present))


def look_up(
    tasks: Iterable[Task],
    resolver: Resolver,
    points: Sequence[Point] = (),
    earlier: Mapping[str, Stored] | None = None,
    *,
    verify: bool = False,
) -> Survey:
    """Look tasks up in the store; only the manifests of artifacts are read.

    Args:
        tasks: A plan, each task after those that it needs.
        resolver: Keys and the store.
        points: What the plan is of.
        earlier: From an earlier survey, by task id; reused for equal keys.
        verify: Whether to compare metrics with their hashes, too.

    Raises:
        StoreError: Something cannot be read.
    """
    find = _finder(resolver, earlier or {}, verify)
    return derive(points, tasks, resolver.store.root, resolver.lacks, find)


def derive(
    points: Sequence[Point],
    tasks: Iterable[Task],
    root: Path,
    lacks: Callable[[Task], str | None],
    find: Callable[[Task, Mapping[str, Entry]], Stored],
) -> Survey:
    """Decide the status of each task from what the store holds of it.

    Args:
        points: Experiments and trainings.
        tasks: Their plan, each task after those that it needs.
        root: The store's folder.
        lacks: Why the machine skips a task, if it does.
        find: Looks a task up, given those of its inputs that are done.
    """
    steps: dict[str, Step] = {}
    for task in tasks:
        needs = {name: steps[need] for name, need in task.needs.items()}
        gates = (steps[gate] for gate in task.gates if gate in steps)
        before = (*needs.values(), *(gate for gate in gates if not gate.lack))
        usable = {n: s.entry for n, s in needs.items() if s.entry and s.status == Status.DONE}
        lack = lacks(task)
        stored = Stored() if lack else find(task, usable)
        status, reason = (Status.SKIPPED, lack) if lack else _status(stored, before)
        steps[task.id] = Step(
            task=task, stored=stored, status=status, reason=reason or None, lack=lack or None
        )
    return Survey(points=tuple(points), steps=steps, root=root)


def because(task: Task, status: str, reason: str | None) -> str:
    """Why what needs `task` cannot run, if that ended with `status` for `reason`."""
    return reason if status == Status.SKIPPED and reason else f"{task.stage.name} {status}"


def _status(stored: Stored, needs: Collection[Step]) -> tuple[Status, str | None]:
    if stored.entry is not None:
        return Status(stored.entry.manifest.status), stored.entry.manifest.reason
    # The next run makes what failed or is missing; skipped tasks and findings stay as they are.
    to_make = (Status.FAILED, Status.MISSING)
    blocking = [step for step in needs if step.status != Status.DONE]
    for step in sorted(blocking, key=lambda step: step.status in to_make):
        status = Status.MISSING if step.status in to_make else Status.SKIPPED
        return status, because(step.task, step.status, step.reason)
    if stored.failure is not None:
        return Status.FAILED, stored.failure[1].reason
    return Status.MISSING, str(stored.damage) if stored.damage else "not in the store"


def _finder(
    resolver: Resolver, earlier: Mapping[str, Stored], verify: bool
) -> Callable[[Task, Mapping[str, Entry]], Stored]:
    """A function that looks tasks up in a store; every folder is listed once."""
    names, failures = cache(resolver.store.names), cache(resolver.store.failures)

    def find(task: Task, inputs: Mapping[str, Entry]) -> Stored:
        if len(inputs) < len(task.needs):
            return Stored()
        key, stage = resolver.key(task, inputs), task.stage.name
        if task.id in earlier and earlier[task.id].key == key:
            return earlier[task.id]
        name = names(stage).get(key[:SHORT])
        try:
            entry = None if name is None else resolver.store.find(stage, key, name)
            if entry is not None and verify:
                entry.metrics()
        except DamageError as damage:
            return Stored(key=key, damage=damage)
        return Stored(key=key, entry=entry, failure=None if entry else failures(stage).get(key))

    return find
