"""The client's side of a cluster: submit tasks to a Dask scheduler, take their results."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

import distributed
from distributed.client import ClosedClientError
from distributed.scheduler import KilledWorker

from bench.cluster.remote import Assignment, Factory, as_event, describe, do
from bench.console.events import Emit
from bench.errors import EnvironmentFailure, StageFailure
from bench.pipeline import Resolver, Task
from bench.pipeline.ensure import Outcome
from bench.store import Entry
from bench.system.interrupts import shield
from bench.system.locks import Cancelled

CONNECT_SECONDS = 10.0
WORKER_SECONDS = 60.0
RESULT_SECONDS = 60.0
CLOSE_SECONDS = 5.0


class DaskBackend:
    """A Dask cluster. Dask assigns tasks to workers, and repeats those of a dead worker.

    `address` is the scheduler's, e.g. `tcp://host:8786`; `factory` makes a resolver on a worker.
    """

    limited = False

    def __init__(self, address: str, resolver: Resolver, factory: Factory, emit: Emit) -> None:
        self._address = address
        self._resolver = resolver
        self._factory = factory
        self._emit = emit
        self._client = self._connect()
        self._session = resolver.store.session()
        self._alive = Path()
        self._futures: list[distributed.Future[Outcome]] = []
        self._settling = threading.Lock()
        self._closed = False

    @property
    def slots(self) -> int:
        """Tasks that the workers do at once; waits for the first worker.

        Raises:
            EnvironmentFailure: There are none.
        """
        self._wait_for_a_worker()
        return sum(self._client.nthreads().values())

    def __enter__(self) -> Self:
        self._alive = self._session.__enter__()
        try:
            self._check_workers()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        self._client.subscribe_topic(self._alive.name, self._pass_on)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        with shield():
            # Without its folder in the store, workers stop what they do for this run.
            self._session.__exit__(None, None, None)
            if error is not None and self._client.status == "running":
                self._client.cancel(self._futures, force=True)
            self.close()

    def close(self) -> None:
        """Disconnect from the scheduler."""
        with self._settling:  # a call of Dask that outlives its client never returns
            self._closed = True
        with suppress(TimeoutError):  # a scheduler that does not answer changes nothing here
            self._client.close(timeout=CLOSE_SECONDS)

    def prepare(self, environments: list[str]) -> None:
        """Nothing: the workers set their environments up when they need them."""

    def submit(
        self,
        task: Task,
        inputs: Mapping[str, Entry],
        cpus: int,  # noqa: ARG002  # of this machine; a slot of a worker is one processor
        rank: float,
    ) -> Future[Outcome]:
        """See `Backend.submit`; once the scheduler is gone, what is submitted fails at once."""
        key = self._resolver.key(task, inputs)
        assignment = Assignment(self._factory, self._alive, task, inputs, key, cpus=1)
        answer: Future[Outcome] = Future()
        answer.set_running_or_notify_cancel()
        try:
            if self._client.status != "running":
                raise ClosedClientError(self._client.status)
            future = self._client.submit(
                do,
                assignment,
                key=f"{task.stage.name}-{task.name}-{self._alive.name}-{key[:12]}",
                pure=False,
                priority=int(rank),
            )
            future.add_done_callback(partial(self._settle, answer, task))
        except ClosedClientError:
            answer.set_exception(self._gone())
        else:
            self._futures.append(future)
        return answer

    def _settle(
        self, answer: Future[Outcome], task: Task, future: distributed.Future[Outcome]
    ) -> None:
        """Give `answer` the task's outcome, or an error for whatever Dask raises."""
        with self._settling:
            if self._closed or future.status == "cancelled":
                answer.set_exception(self._gone())
                return
            try:
                answer.set_result(future.result(timeout=RESULT_SECONDS))
            except KilledWorker:
                answer.set_exception(
                    StageFailure(
                        f"Every Dask worker that was given {task.stage.name} of {task.name} died.",
                        "Give the workers more memory, then rerun; the rest is done and kept.",
                    )
                )
            except Exception as error:
                # The stage's own error, or a bug there; else Dask's for a lost scheduler.
                of_the_stage = future.status == "error" and not isinstance(error, Cancelled)
                answer.set_exception(error if of_the_stage else self._gone(error))

    def _connect(self) -> distributed.Client:
        try:
            return distributed.Client(
                self._address, timeout=CONNECT_SECONDS, set_as_default=False, name="bench"
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise EnvironmentFailure(
                f"No Dask scheduler answers at {self._address}: {error}.",
                "Start one with `dask scheduler`, and give the address that it prints.",
            ) from error

    def _wait_for_a_worker(self) -> None:
        try:
            self._client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError as error:
            raise EnvironmentFailure(
                f"The Dask scheduler at {self._address} has no workers.",
                "Start some: docs/how-to/cluster.md says how.",
            ) from error

    def _check_workers(self) -> None:
        """Wait for the first worker, and refuse workers that would make something else."""
        self._wait_for_a_worker()
        answers = self._client.run(describe, self._factory, self._alive, on_error="return")
        here = describe(self._factory, self._alive)
        for worker, there in answers.items():
            if isinstance(there, BaseException):
                what = f"cannot load bench: {type(there).__name__}: {there}"
            else:
                differing = [name for name in here if there.get(name) != here[name]]
                if not differing:
                    continue
                name = differing[0]
                what = f"differs in its {name}: '{there.get(name)}', here '{here[name]}'"
            raise EnvironmentFailure(
                f"The Dask worker {worker} {what}.",
                "Start every worker from the same checkout and .venv, with the store's folder "
                "shared at the same path (docs/how-to/cluster.md).",
            )

    def _pass_on(self, event: tuple[float, Any]) -> None:
        self._emit(as_event(event[1]))

    def _gone(self, cause: Exception | None = None) -> EnvironmentFailure:
        gone = EnvironmentFailure(
            f"The Dask scheduler at {self._address} is gone.",
            "Start it and its workers again, then rerun; what was done is kept.",
        )
        gone.__cause__ = cause
        return gone
