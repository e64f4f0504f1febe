"""Everything behind a row of the results: the chain of artifacts, from the data to the number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.pipeline import Resolver, Task, plan
from bench.store import Entry, Manifest
from bench.words import Status


@dataclass(frozen=True)
class Step:
    """One stage of a row, and what the store knows of it.

    Attributes:
        stage: The stage's name.
        summary: What it does, for people.
        status: A `bench.words.Status`.
        reason: Why, when not `done`.
        spec: The stage's parameters, seeds included.
        needs: The stages that it reads.
        manifest: What made it, from what, with what; None where there is nothing in the store.
        metrics: Its findings; empty where it has none.
        folder: Where it lies; None as for the manifest, and for failures.
        log: What a stage printed that is not done; None where no log is kept, and where it is.
    """

    stage: str
    summary: str
    status: str
    reason: str
    spec: Mapping[str, Any]
    needs: tuple[str, ...]
    manifest: Manifest | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    log: Path | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        made = self.manifest
        known = {} if made is None else {
            "key": made.key,
            "content": made.content_hash,
            "inputs": dict(made.inputs),
            "artifacts": [vars(artifact) for artifact in made.artifacts],
            "environment": dict(made.environment),
            "tools": dict(made.tools),
            "checkout": checkout_of(made),
            "host": dict(made.host),
            "created": made.created,
            "seconds": made.seconds,
            "timings": dict(made.timings),
            "peak_memory_bytes": made.peak_memory_bytes,
        }  # fmt: skip
        return {
            "stage": self.stage,
            "summary": self.summary,
            "status": self.status,
            "reason": self.reason,
            "spec": dict(self.spec),
            "needs": list(self.needs),
            "folder": None if self.folder is None else str(self.folder),
            "log": None if self.log is None else str(self.log),
            **known,
            "metrics": dict(self.metrics),
        }


def chain(point: Point, resolver: Resolver) -> tuple[Step, ...]:
    """The steps of one row, in the order of the stages; see `chains`."""
    return chains((point,), resolver)[point.name]


def chains(
    points: Iterable[Point], resolver: Resolver, present: Mapping[str, Entry] | None = None
) -> dict[str, tuple[Step, ...]]:
    """The steps of each row by its name; what rows share is looked up once.

    Args:
        points: Experiments and trainings.
        resolver: Keys and the store, with the runner that made the artifacts.
        present: What `resolver.present` found for these points, if it is known already.
    """
    tasks = plan(points)
    present = resolver.present(tasks, strict=True) if present is None else present
    found: dict[str, list[Step]] = {}
    for task in tasks:
        step = _step(task, present, resolver)
        for name in task.serves:
            found.setdefault(name, []).append(step)
    order = list(all_stages())
    return {
        name: tuple(sorted(steps, key=lambda step: order.index(step.stage)))
        for name, steps in found.items()
    }


def checkout_of(manifest: Manifest) -> dict[str, str]:
    """The commit and the state of the tree; manifests of before it was noted say so."""
    if manifest.checkout:
        return dict(manifest.checkout)
    return {"commit": "unknown", "tree": "unknown", "reason": "made before it was noted"}


def _step(task: Task, present: Mapping[str, Entry], resolver: Resolver) -> Step:
    entry = present.get(task.id)
    about = (task.stage.name, task.stage.summary)
    if entry is not None:
        made = entry.manifest
        return Step(
            *about, made.status, made.reason, task.spec, tuple(task.needs), made,
            entry.metrics(), entry.folder,
            None if made.status == Status.DONE else _log(entry.folder),
        )  # fmt: skip
    status, reason, manifest, log = Status.MISSING, "not in the store", None, None
    inputs = {name: present[need] for name, need in task.needs.items() if need in present}
    if lack := resolver.lacks(task):
        status, reason = Status.SKIPPED, lack
    elif len(inputs) < len(task.needs):
        reason = "what it needs is not in the store"
    elif any(one.manifest.status != Status.DONE for one in inputs.values()):
        reason = "what it needs came to nothing"
    else:
        failure = resolver.store.failure(task.stage.name, resolver.key(task, inputs))
        if failure is not None:
            folder, manifest = failure
            log = _log(folder)
            status, reason = Status.FAILED, manifest.reason
    return Step(*about, status, reason, task.spec, tuple(task.needs), manifest, log=log)


def _log(folder: Path) -> Path | None:
    """An archive may come without."""
    path = folder / "log.txt"
    return path if path.is_file() else None
