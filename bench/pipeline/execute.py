"""Run a plan: what is missing, side by side, each task once its inputs are there."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from bench.console.events import Emit, Finished, Note
from bench.errors import BenchError, Exit, StoreError
from bench.pipeline import history
from bench.pipeline.backend import Backend, LocalBackend
from bench.pipeline.budget import Work, default_cost, memory_of, ranks, works
from bench.pipeline.check import check_machine, check_store
from bench.pipeline.ensure import Outcome
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.pipeline.schedule import ReadyQueue
from bench.pipeline.shares import Shares
from bench.pipeline.survey import because, look_up
from bench.store import DamageError, Entry, Manifest
from bench.words import Status


@dataclass
class Summary:
    """How a run ended: outcomes by task id, distinct errors in order, and the duration."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: list[BenchError] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[Outcome]:
        """Designs that compute something else than the trained model, made now or earlier."""
        return [outcome for outcome in self.outcomes.values() if outcome.ended == Status.WRONG]

    @property
    def exit_code(self) -> Exit:
        """The code for a wrong design, else that of the first error, else 0."""
        if self.wrong:
            return Exit.WRONG
        return self.errors[0].exit_code if self.errors else Exit.OK

    @property
    def made(self) -> int:
        """How many tasks made an artifact; also that a design is wrong or infeasible is one."""
        made = (o for o in self.outcomes.values() if o.entry is not None and o.status != "kept")
        return sum(1 for _ in made)

    def count(self, status: str) -> int:
        """How many tasks ended with `status`."""
        return sum(1 for outcome in self.outcomes.values() if outcome.status == status)


def execute(
    tasks: Sequence[Task],
    resolver: Resolver,
    jobs: int,
    cpus: int,
    emit: Emit,
    *,
    memory: int | None = None,
    backend: Backend | None = None,
    missing: Sequence[Task] | None = None,
) -> Summary:
    """Ensure every task's artifact; one failure stops only what depends on it.

    Args:
        tasks: A plan, each task after those that it needs.
        resolver: Keys, store and runners.
        jobs: How many tasks run at once.
        cpus: Processors to share between them.
        emit: Takes the events.
        memory: Bytes that simultaneous tasks may take, by estimate; None for no bound.
        backend: Where tasks run; default: on this machine.
        missing: The tasks whose artifacts have to be made; None to look them up.

    Raises:
        BenchError: This machine cannot do it, see `bench.pipeline.check`.
        KeyboardInterrupt: Ctrl-C; every child is stopped and nothing half-written is left.
    """
    backend = backend or LocalBackend(resolver, jobs, emit)
    if missing is None:
        missing = look_up(tasks, resolver).missing
    run = _Execution(tasks, missing, resolver, backend, emit, jobs=jobs, cpus=cpus, memory=memory)
    return run.run()


class _Execution:
    def __init__(
        self,
        tasks: Sequence[Task],
        missing: Sequence[Task],
        resolver: Resolver,
        backend: Backend,
        emit: Emit,
        *,
        jobs: int,
        cpus: int,
        memory: int | None,
    ) -> None:
        self._missing, self._resolver = missing, resolver
        self._jobs = jobs
        self._memory = memory if backend.limited else None
        self._backend = backend
        self._emit = emit
        self._works = works(tasks)
        self._ranks = ranks(tasks, self._works)
        # The longest chain of work first: started last, it would delay the end of the run.
        self._queue = ReadyQueue(tasks, self._ranks)
        self._shares = Shares(
            {task.id: default_cost(self._works[task.id]).seconds for task in missing}, cpus, jobs
        )
        self._running: dict[Future[Outcome], Task] = {}
        self._summary = Summary()

    def run(self) -> Summary:
        start, missing = time.monotonic(), self._missing
        check_store(self._resolver.store, missing)
        if self._backend.limited:
            check_machine(missing, self._resolver, self._memory)
        with self._backend:
            self._backend.prepare(list(dict.fromkeys(t.stage.environment for t in missing)))
            self._admit(self._queue.first)
            while self._queue or self._running:
                self._start_tasks()
                done, _ = wait(self._running, timeout=0.5, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(self._running.pop(future), future)
        self._summary.seconds = time.monotonic() - start
        return self._summary

    def _admit(self, tasks: Iterable[Task]) -> None:
        """Make tasks ready whose needs have all ended, or skip them."""
        waiting = deque(tasks)
        while waiting:
            task = waiting.popleft()
            reason = self._resolver.lacks(task) or self._blocker(task)
            if not reason:
                self._queue.add(task)
                continue
            self._shares.end(task.id)
            self._summary.outcomes[task.id] = Outcome(task, Status.SKIPPED, None, reason)
            self._emit(Finished(task.name, task.stage.name, Status.SKIPPED, reason, 0.0))
            waiting += self._queue.end(task.id)

    def _blocker(self, task: Task) -> str | None:
        """Why a task cannot run: how one before it ended."""
        outcomes = self._summary.outcomes
        ended = [outcomes[need] for need in task.needs.values()]
        if all(outcome.usable for outcome in ended):
            gates = (outcomes[gate] for gate in task.gates if gate in outcomes)
            ended = [gate for gate in gates if not self._resolver.lacks(gate.task)]
            if not all(gate.usable for gate in ended) and self._is_made(task):
                return None
        blockers = (because(o.task, o.ended, o.reason) for o in ended if not o.usable)
        return next(blockers, None)

    def _is_made(self, task: Task) -> bool:
        """Whether the artifact of a task whose inputs are there is in the store."""
        key = self._resolver.key(task, self._inputs(task))
        try:
            return self._resolver.store.find(task.stage.name, key, task.name) is not None
        except DamageError:
            return False

    def _inputs(self, task: Task) -> dict[str, Entry]:
        entries = {n: self._summary.outcomes[need].entry for n, need in task.needs.items()}
        return {name: entry for name, entry in entries.items() if entry is not None}

    def _start_tasks(self) -> None:
        """Start as many tasks as the limits allow."""
        while not self._backend.limited or len(self._running) < self._jobs:
            task = self._queue.take(self._room())
            if task is None:
                return
            cpus = self._shares.of(task.id, self._queue.behind(task.id))
            inputs = self._inputs(task)
            future = self._backend.submit(task, inputs, cpus, self._ranks[task.id])
            self._running[future] = task

    def _room(self) -> int | None:
        """Bytes that one more task may take; None for any number."""
        if self._memory is None or not self._running:
            return None
        return self._memory - sum(map(memory_of, self._running.values()))

    def _settle(self, task: Task, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except BenchError as error:
            reported = {(other.what, other.log) for other in self._summary.errors}
            if (error.what, error.log) not in reported:  # a lost scheduler fails many tasks
                self._summary.errors.append(error)
            outcome = Outcome(task, Status.FAILED, None, error.what)
            first_line = error.what.splitlines()[0]
            self._emit(Finished(task.name, task.stage.name, Status.FAILED, first_line, 0.0))
        self._summary.outcomes[task.id] = outcome
        self._shares.end(task.id)
        if outcome.entry is not None and outcome.status != "kept":
            self._remember(outcome.entry.manifest, self._works[task.id])
        self._admit(self._queue.end(task.id))

    def _remember(self, manifest: Manifest, work: Work) -> None:
        """Add to the history; a failure only makes predictions less accurate."""
        try:
            history.append(self._resolver.store.root, history.as_record(manifest, work))
        except StoreError as error:
            self._emit(Note(manifest.name, f"not added to the history of durations: {error}"))
