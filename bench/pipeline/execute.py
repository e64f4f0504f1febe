"""Run a plan: what is missing, side by side, each task once its inputs are there."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from bench.console.events import Emit, Finished, Note
from bench.errors import BenchError, Exit, StoreError
from bench.pipeline import history
from bench.pipeline.backend import Backend, LocalBackend
from bench.pipeline.budget import MAY_PASS, Work, memory_of, ranks, works
from bench.pipeline.check import check_machine, check_store
from bench.pipeline.ensure import Outcome
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.store import Entry, Manifest
from bench.words import Status


@dataclass
class Summary:
    """How a run ended.

    Attributes:
        outcomes: The outcome of each task that came to one, by task id.
        errors: What went wrong, in the order it did; once where it is one error of many tasks.
        seconds: How long the run took.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    errors: list[BenchError] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[Outcome]:
        """What computes something else than the trained model, found now or earlier."""
        return [
            o for o in self.outcomes.values() if o.entry and o.entry.manifest.status == Status.WRONG
        ]

    @property
    def exit_code(self) -> Exit:
        """That of a wrong design, else of the first error, else 0."""
        if self.wrong:
            return Exit.WRONG
        return self.errors[0].exit_code if self.errors else Exit.OK

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
    present: Mapping[str, Entry] | None = None,
) -> Summary:
    """Ensure every task's artifact; one failure stops only what depends on it.

    Args:
        tasks: A plan, each task after those that it needs.
        resolver: Keys, store and runners.
        jobs: How many tasks run at once.
        cpus: Processors to share between them.
        emit: Takes the events.
        memory: Bytes that the tasks which run at once may take, by estimate; None for no bound.
        backend: Where tasks are done; default: on this machine.
        present: What `resolver.present` found for these tasks, if it is known already.

    Raises:
        BenchError: As `bench.pipeline.check` says: this machine cannot do it.
        KeyboardInterrupt: Ctrl-C; every child is stopped and nothing half-written is left.
    """
    backend = backend or LocalBackend(resolver, jobs, emit)
    if present is None:
        present = resolver.present(tasks)
    return _Execution(tasks, resolver, _Limits(jobs, cpus, memory), backend, emit).run(present)


@dataclass(frozen=True)
class _Limits:
    """See `execute`."""

    jobs: int
    cpus: int
    memory: int | None


class _Execution:
    def __init__(
        self,
        tasks: Sequence[Task],
        resolver: Resolver,
        limits: _Limits,
        backend: Backend,
        emit: Emit,
    ) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._resolver = resolver
        self._limits = limits
        self._backend = backend
        self._emit = emit
        self._works = works(tasks)
        self._ranks = ranks(tasks, self._works)
        # The longest chain of work first: one that starts last is what everybody waits for.
        self._waiting = dict.fromkeys(sorted(self._tasks, key=lambda i: -self._ranks[i]))
        self._passed: Counter[str] = Counter()
        self._summary = Summary()

    def run(self, present: Mapping[str, Entry]) -> Summary:
        start = time.monotonic()
        tasks = self._tasks.values()
        blocked = self._resolver.blocked(tasks, present)
        missing = [task for task in tasks if task.id not in present and task.id not in blocked]
        check_store(self._resolver.store, missing)
        if self._backend.limited:
            check_machine(missing, self._resolver, self._limits.memory)
        with self._backend:
            self._backend.prepare(list(dict.fromkeys(t.stage.environment for t in missing)))
            self._drain()
        self._summary.seconds = time.monotonic() - start
        return self._summary

    def _drain(self) -> None:
        running: dict[Future[Outcome], Task] = {}
        while self._waiting or running:
            for task, inputs in self._ready(list(running.values())):
                del self._waiting[task.id]
                share = min(self._limits.jobs, len(self._waiting) + len(running) + 1)
                cpus = max(1, self._limits.cpus // share)
                future = self._backend.submit(task, inputs, cpus, self._ranks[task.id])
                running[future] = task
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(running.pop(future), future)

    def _ready(self, running: list[Task]) -> list[tuple[Task, Mapping[str, Entry]]]:
        """The next tasks whose inputs are all there, as many as the limits allow.

        One that finds too little memory lets smaller ones pass, so that no processor idles beside
        it; but only so often, or they could keep it waiting for ever.
        """
        ready: list[tuple[Task, Mapping[str, Entry]]] = []
        too_large: list[str] = []
        for task_id in list(self._waiting):
            task = self._tasks[task_id]
            if lack := self._resolver.lacks(task):
                self._skip(task, lack)
                continue
            outcomes = {name: self._summary.outcomes.get(i) for name, i in task.needs.items()}
            inputs = {name: o.entry for name, o in outcomes.items() if o and o.usable and o.entry}
            if len(inputs) == len(task.needs):
                beside = [*running, *(other for other, _ in ready)]
                if not self._has_slot(beside):
                    break
                if self._has_memory(task, beside):
                    self._passed.update(too_large)
                    ready.append((task, inputs))
                elif self._passed[task_id] < MAY_PASS:
                    too_large.append(task_id)
                else:
                    break
            elif any(outcome and not outcome.usable for outcome in outcomes.values()):
                self._skip(task, self._blocker(task))
        return ready

    def _has_slot(self, beside: list[Task]) -> bool:
        return not self._backend.limited or len(beside) < self._limits.jobs

    def _has_memory(self, task: Task, beside: list[Task]) -> bool:
        if not self._backend.limited or self._limits.memory is None or not beside:
            return True
        return sum(memory_of(other) for other in (task, *beside)) <= self._limits.memory

    def _skip(self, task: Task, reason: str) -> None:
        del self._waiting[task.id]
        self._summary.outcomes[task.id] = Outcome(task, Status.SKIPPED, None, reason)
        self._emit(Finished(task.name, task.stage.name, Status.SKIPPED, reason, 0.0))

    def _blocker(self, task: Task) -> str:
        """Why a task cannot run: how the task that it needs ended."""
        blockers = (self._summary.outcomes.get(need) for need in task.needs.values())
        blocker = next(outcome for outcome in blockers if outcome and not outcome.usable)
        if blocker.status == Status.SKIPPED:
            return blocker.reason
        status = blocker.entry.manifest.status if blocker.entry else blocker.status
        return f"{blocker.task.stage.name} {status}"

    def _settle(self, task: Task, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except BenchError as error:
            known = {(other.what, other.log) for other in self._summary.errors}
            if (error.what, error.log) not in known:  # a lost scheduler fails many tasks alike
                self._summary.errors.append(error)
            outcome = Outcome(task, Status.FAILED, None, error.what)
            first_line = error.what.splitlines()[0]
            self._emit(Finished(task.name, task.stage.name, Status.FAILED, first_line, 0.0))
        self._summary.outcomes[task.id] = outcome
        if outcome.entry is not None and outcome.status != "kept":
            self._remember(outcome.entry.manifest, self._works[task.id])

    def _remember(self, manifest: Manifest, work: Work) -> None:
        """Add to the history; where that fails, predictions suffer, and nothing else."""
        try:
            history.append(self._resolver.store.root, history.as_record(manifest, work))
        except StoreError as error:
            self._emit(Note(manifest.name, f"not added to the history of durations: {error}"))
