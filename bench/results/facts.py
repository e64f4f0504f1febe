"""What the store knows of each point: metrics by stage, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.pipeline import Resolver, Task, plan
from bench.results.registry import Facts
from bench.store import Entry
from bench.words import State, Status


def facts_of(
    points: Sequence[Point], resolver: Resolver, present: Mapping[str, Entry] | None = None
) -> Iterator[Facts]:
    """The facts of each of `points`.

    Args:
        points: Experiments and trainings.
        resolver: Keys and the store.
        present: What `resolver.present` gives for these or more points, where it is at hand.
    """
    tasks = plan(points)
    present = resolver.present(tasks, strict=True) if present is None else present
    by_point: dict[str, dict[str, Task]] = {}
    for task in tasks:
        for name in task.serves:
            by_point.setdefault(name, {})[task.stage.name] = task
    for point in points:
        own = by_point[point.name]
        entries = {name: present[task.id] for name, task in own.items() if task.id in present}
        yield Facts(
            point=point,
            metrics={name: entry.metrics() for name, entry in entries.items()},
            state=_state(own, present, resolver),
            stages={
                name: _optional(task, entries.get(name), resolver)
                for name, task in own.items()
                if task.stage.optional
            },
            runner=_runner(entries),
        )


def _runner(entries: Mapping[str, Entry]) -> str | None:
    """The runner of the worker stages; several, joined, if the store holds a mixture."""
    runners = {entry.manifest.environment["runner"] for entry in entries.values()} - {"host"}
    return "+".join(sorted(runners)) or None


def _optional(task: Task, entry: Entry | None, resolver: Resolver) -> State:
    """How a stage ended that nothing waits for, or why it did not run."""
    if lack := resolver.lacks(task):
        return State(status=Status.SKIPPED, reason=lack)
    if entry is None:
        return State(status=Status.MISSING)
    return State(status=Status(entry.manifest.status), reason=entry.manifest.reason)


def _state(own: Mapping[str, Task], present: Mapping[str, Entry], resolver: Resolver) -> State:
    """`done`, with what differs from the grid; or what stopped the point, where, and why."""
    for stage in all_stages().values():
        task = own.get(stage.name)
        if task is None:
            continue
        entry = present.get(task.id)
        if stage.name == "synthesize" and stage.name not in own["measure"].needs:
            continue  # a finding beside the others, in its own columns; nothing waits for it
        if entry is None and (lack := resolver.lacks(task)):
            return State(status=Status.SKIPPED, stage=stage.name, reason=lack)
        if entry is None:
            inputs = {name: present[need] for name, need in task.needs.items() if need in present}
            key = resolver.key(task, inputs) if len(inputs) == len(task.needs) else ""
            failure = resolver.store.failure(stage.name, key) if key else None
            if failure is None:
                return State(status=Status.MISSING, stage=stage.name)
            _, manifest = failure
            return State(status=Status.FAILED, stage=stage.name, reason=manifest.reason)
        status = Status(entry.manifest.status)
        if status != Status.DONE:
            return State(status=status, stage=stage.name, reason=entry.manifest.reason)
    build = present[own["compile"].id].metrics() if "compile" in own else {}
    return State(status=Status.DONE, reason=build.get("folding_note"))
