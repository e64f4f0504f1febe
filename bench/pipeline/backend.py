"""Where tasks run: in threads of this process, or in another backend."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol, Self

from bench.console.events import Emit
from bench.errors import BenchError
from bench.pipeline.ensure import Ensurer, Outcome
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.store import Entry
from bench.system.interrupts import shield
from bench.system.locks import Cancelled


class Backend(AbstractContextManager["Backend"], Protocol):
    """Runs tasks. Leaving its context stops it; after an error, running tasks as well."""

    limited: bool
    """Whether jobs and memory bound what is submitted at once; a cluster has its own bounds."""

    def prepare(self, environments: list[str]) -> None:
        """Get `environments` ready while the first tasks run."""

    def submit(
        self, task: Task, inputs: Mapping[str, Entry], cpus: int, rank: float
    ) -> Future[Outcome]:
        """Start making the artifact of `task`, unless it exists; a higher `rank` goes first."""


class LocalBackend:
    """Threads, each of which waits for a worker on this machine; `jobs` tasks at once."""

    limited = True

    def __init__(self, resolver: Resolver, jobs: int, emit: Emit) -> None:
        self._resolver = resolver
        self._emit = emit
        self._cancelled = threading.Event()
        self._ensurer = Ensurer(resolver, emit, self._cancelled)
        self._pool = ThreadPoolExecutor(jobs + 1)  # one more to prepare environments
        self._session = resolver.store.session()

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        stopped = True
        try:
            if error is None:
                self._pool.shutdown(wait=True)
                stopped = False
        finally:
            with shield():
                if stopped:
                    self._cancelled.set()
                self._pool.shutdown(wait=True, cancel_futures=stopped)
                self._session.__exit__(None, None, None)

    def prepare(self, environments: list[str]) -> None:
        """See `Backend.prepare`; `check_machine` was passed."""
        self._pool.submit(self._prepare, environments)

    def submit(
        self,
        task: Task,
        inputs: Mapping[str, Entry],
        cpus: int,
        rank: float,  # noqa: ARG002  # the caller submits in that order
    ) -> Future[Outcome]:
        """See `Backend.submit`."""
        return self._pool.submit(self._ensurer.ensure, task, inputs, cpus)

    def _prepare(self, environments: list[str]) -> None:
        for environment in environments:
            try:
                runner = self._resolver.runners[environment]
                runner.prepare(environment, self._emit, self._cancelled)
            except (BenchError, Cancelled):
                return  # the task that needs it meets the same error and reports it
