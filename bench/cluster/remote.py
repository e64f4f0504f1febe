"""The code on a Dask worker: run a stage exactly as on the machine that started the run."""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import distributed

from bench.console import events
from bench.environments import INSTALLED
from bench.errors import EnvironmentFailure
from bench.images.base import images_folder
from bench.paths import ROOT
from bench.pipeline import Resolver, Task
from bench.pipeline.assemble import assemble
from bench.pipeline.ensure import Ensurer, Outcome
from bench.runners import Runner
from bench.runners.docker import DockerRunner
from bench.runners.limits import Limits
from bench.runners.venv import VenvRunner
from bench.store import Entry
from bench.store.keys import hash_sources

POLL_SECONDS = 0.5

Factory = Callable[[], Resolver]


@dataclass(frozen=True)
class Site:
    """Store, environments and runner (`venv` or `docker`) of a run, the same on every machine.

    So are the paths of the user's own `files`, by SHA-256.
    """

    store: Path
    environments: Path
    runner: str
    limits: Limits
    files: Mapping[str, Path] = field(default_factory=dict)

    def __call__(self) -> Resolver:
        """The store and the runners, on whichever machine this is called."""
        runner: Runner = VenvRunner(self.environments, self.limits)
        if self.runner == "docker":
            containers = DockerRunner(images_folder(self.store), self.limits)
            containers.prepare_base(print, threading.Event())
            runner = containers
        return assemble(self.store, runner, files=self.files)


@dataclass(frozen=True)
class Assignment:
    """A task for a Dask worker.

    Attributes:
        factory: Makes the store and the runners there.
        alive: Folder in the store that exists while the run does.
        key: The key of the artifact, as computed by the machine that started the run.
    """

    factory: Factory
    alive: Path
    task: Task
    inputs: Mapping[str, Entry]
    key: str
    cpus: int


def describe(factory: Factory, alive: Path) -> dict[str, str]:
    """What has to be the same on every machine of a run."""
    described = {
        "version of Dask": metadata.version("distributed"),
        "version of Python": ".".join(platform.python_version_tuple()[:2]),
        "processor": platform.machine(),
        "sources of bench": hash_sources(ROOT, ("bench", "docker"))[:12],
        "view of the store": "shared" if alive.is_dir() else f"{alive} is not there",
    }
    if alive.is_dir():
        runners = factory().runners
        names = [environment.name for environment in INSTALLED]
        described |= {f"environment {name}": runners[name].recipe(name)[:12] for name in names}
    return described


def do(assignment: Assignment) -> Outcome:
    """Ensure the artifact; called by Dask.

    Raises:
        EnvironmentFailure: This machine would make another artifact, or does not see the store.
        BenchError: The stage failed.
        Cancelled: The run that asked for it has ended.
    """
    worker = distributed.get_worker()
    task = assignment.task
    if not assignment.alive.is_dir():
        raise EnvironmentFailure(
            f"The Dask worker {worker.name} does not see the store of this run.",
            "Start workers on machines that share the store's folder, at the same path.",
        )
    resolver = assignment.factory()
    if resolver.key(task, assignment.inputs) != assignment.key:
        raise EnvironmentFailure(
            f"The Dask worker {worker.name} would make another {task.stage.name}: its bench, "
            "its locks or its Python is of another version.",
            "Restart it from the checkout that the run is started from.",
        )

    def emit(event: events.Event) -> None:
        message = {"kind": type(event).__name__, "fields": asdict(event)}
        worker.log_event(assignment.alive.name, message)

    with _until_the_run_ends(assignment.alive) as cancelled, resolver.store.session():
        return Ensurer(resolver, emit, cancelled).ensure(task, assignment.inputs, assignment.cpus)


def as_event(message: Mapping[str, Any]) -> events.Event:
    """The event in a message of `do`."""
    kind: type[events.Event] = getattr(events, message["kind"])
    return kind(**message["fields"])


@contextmanager
def _until_the_run_ends(alive: Path) -> Iterator[threading.Event]:
    """An event that is set once `alive` is gone."""
    cancelled, done = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(POLL_SECONDS):
            if not alive.is_dir():
                cancelled.set()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield cancelled
    finally:
        done.set()
        watcher.join()
