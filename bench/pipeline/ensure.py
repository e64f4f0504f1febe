"""One task: find its artifact in the store, or make it."""

from __future__ import annotations

import os
import platform
import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psutil

from bench.console.events import Emit, Finished, Note, Started
from bench.console.text import printable
from bench.environments import ENVIRONMENTS
from bench.errors import BenchError, StageFailure, StoreError, store_error
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.runners import Job
from bench.runners.wire import Request, Result
from bench.store import DamageError, Entry, Manifest, Workspace
from bench.store.manifest import describe_files, odd_files
from bench.system.checkout import describe_checkout
from bench.words import Status


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        status: A `bench.words.Status`, or `kept` (the artifact existed).
        reason: For every status but `done`.
    """

    task: Task
    status: str
    entry: Entry | None
    reason: str = ""

    @property
    def ended(self) -> str:
        """How it ended, this time or when its artifact was made."""
        return self.entry.manifest.status if self.entry else self.status

    @property
    def usable(self) -> bool:
        """Whether the tasks that need this one can run."""
        return self.entry is not None and self.entry.manifest.status == Status.DONE


class Ensurer:
    """Ensures the artifacts of tasks; safe to use from several threads and runs at once.

    `cancelled` is set when the run is interrupted.
    """

    def __init__(self, resolver: Resolver, emit: Emit, cancelled: threading.Event) -> None:
        self._resolver = resolver
        self._store = resolver.store
        self._emit = emit
        self._cancelled = cancelled

    def ensure(self, task: Task, inputs: Mapping[str, Entry], cpus: int) -> Outcome:
        """The artifact of `task`, from the store or made now, with up to `cpus` processors.

        Raises:
            BenchError: It could not be made; what it left is kept under `failed/`.
            Cancelled: The run was interrupted.
        """
        key = self._resolver.key(task, inputs)
        try:
            kept = self._find_sound(task, key)
        except DamageError:
            kept = None  # set aside below, under the lock
        if kept is None:
            waiting = Note(task.name, f"another run is making {task.stage.name}; waiting for it")
            with self._store.exclusive(key, self._cancelled, lambda: self._emit(waiting)):
                try:
                    kept = self._find_sound(task, key)  # another run may have made it meanwhile
                except DamageError as error:
                    self._set_aside(task, error)
                if kept is None:
                    return self._make(task, key, inputs, cpus)
        self._emit(Finished(task.name, task.stage.name, "kept", "", 0.0))
        return Outcome(task, "kept", kept, kept.manifest.reason)

    def _find_sound(self, task: Task, key: str) -> Entry | None:
        entry = self._store.find(task.stage.name, key, task.name)
        if entry is not None:
            entry.require_sound()
        return entry

    def _set_aside(self, task: Task, error: DamageError) -> None:
        aside = self._store.set_aside(error.folder).relative_to(self._store.root)
        what = f"{task.stage.name} artifact is corrupted ({error.reason})"
        self._emit(Note(task.name, f"{what}; moved to {aside}, making it again"))

    def _make(self, task: Task, key: str, inputs: Mapping[str, Entry], cpus: int) -> Outcome:
        environment = task.stage.environment
        self._resolver.runners[environment].prepare(environment, self._emit, self._cancelled)
        self._emit(Started(task.name, task.stage.name))
        workspace = self._store.workspace(task.stage.name, key)
        attempt = _Attempt(task, key, inputs, cpus, workspace, describe_checkout())
        try:
            entry = self._attempt(attempt)
        except BenchError as error:
            self._keep_failed(attempt, error)
            raise
        except OSError as trouble:
            explained = store_error(trouble, attempt.workspace.folder)
            self._keep_failed(attempt, explained)
            raise explained from trouble
        except BaseException:
            self._store.discard(attempt.workspace)
            raise
        made = entry.manifest
        self._emit(Finished(task.name, made.stage, made.status, made.reason, made.seconds))
        return Outcome(task, made.status, entry, made.reason)

    def _attempt(self, attempt: _Attempt) -> Entry:
        task, workspace = attempt.task, attempt.workspace
        environment = ENVIRONMENTS.get(task.stage.environment)
        runner = self._resolver.runners[task.stage.environment]
        request = Request(
            stage=task.stage.name,
            entry=task.stage.entry,
            tools=environment.tools if environment else (),
            key=attempt.key,
            spec=task.spec,
            inputs={name: entry.files for name, entry in attempt.inputs.items()},
            outputs=workspace.files,
            scratch=workspace.folder / "scratch",
            cache=self._store.root / "cache" / task.stage.environment,
            result=workspace.folder / "result.json",
            cpus=attempt.cpus,
        )
        request.cache.mkdir(exist_ok=True)
        request.write(workspace.folder / "request.json")
        job = Job(task.name, task.stage.environment, request, workspace.log)
        result = runner.run(job, self._emit, self._cancelled)
        if result.status == Status.FAILED:
            raise StageFailure(result.reason, result.remedy, workspace.log, result.excerpt)
        if odd := odd_files(workspace.files):
            raise StageFailure(
                f"The stage {task.stage.name} left '{odd[0]}', neither a file nor a folder.",
                "Please report it with the log.",
                workspace.log,
            )
        return self._store.commit(workspace, self._describe(attempt, result))

    def _describe(self, attempt: _Attempt, result: Result) -> Manifest:
        task = attempt.task
        return Manifest(
            key=attempt.key,
            stage=task.stage.name,
            name=task.name,
            status=result.status,
            reason=printable(result.reason),
            spec=task.spec,
            inputs={name: entry.manifest.content_hash for name, entry in attempt.inputs.items()},
            artifacts=describe_files(attempt.workspace.files),
            environment={
                "name": task.stage.environment,
                "runner": self._resolver.runners[task.stage.environment].name,
                "recipe": self._resolver.environment_hash(task),
                **self._resolver.runners[task.stage.environment].describe(task.stage.environment),
            },
            tools=result.tools,
            host=describe_host(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=time.monotonic() - attempt.start,
            timings=result.timings,
            peak_memory_bytes=result.peak_memory_bytes,
            checkout=attempt.checkout,
        )

    def _keep_failed(self, attempt: _Attempt, error: BenchError) -> None:
        """Keep the log of a failure; if that fails too, the error gets a note."""
        workspace = attempt.workspace
        if isinstance(error, StoreError):  # most likely a full disk: keep the log only
            shutil.rmtree(workspace.files, ignore_errors=True)
        result = Result(
            status=Status.FAILED,
            reason=error.what,
            remedy=error.remedy,
            excerpt=error.excerpt or "",
            tools={},
            timings={},
            peak_memory_bytes=0,
        )
        try:
            kept = self._store.keep_failed(workspace, self._describe(attempt, result))
        except (BenchError, OSError) as second:
            error.add_note(f"Its log could not be kept: {second}")
            self._store.discard(workspace)
            return
        if error.log == workspace.log:
            error.log = kept / "log.txt"


@dataclass(frozen=True)
class _Attempt:
    """One attempt to make an artifact, with the checkout and the monotonic time at its start."""

    task: Task
    key: str
    inputs: Mapping[str, Entry]
    cpus: int
    workspace: Workspace
    checkout: Mapping[str, str]
    start: float = field(default_factory=time.monotonic)


def describe_host() -> dict[str, str]:
    """The machine, as far as it can matter to a timing."""
    system = platform.uname()
    return {
        "system": f"{system.system} {system.release}",
        "machine": system.machine,
        "python": platform.python_version(),
        "processors": str(os.cpu_count()),
        "memory_bytes": str(psutil.virtual_memory().total),
    }
