"""Run a plan: what is missing, side by side, each task once its inputs are there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field

from bench.errors import BenchError, Exit
from bench.events import Emit, Finished
from bench.pipeline.backend import Backend, LocalBackend
from bench.pipeline.budget import cost, ranks, require_memory
from bench.pipeline.ensure import Outcome
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.store import Entry


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
    def exit_code(self) -> Exit:
        """0, or that of the first error."""
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

    Raises:
        ConfigError: `memory` is less than one task takes.
        KeyboardInterrupt: Ctrl-C; every child is stopped and nothing half-written is left.
    """
    backend = backend or LocalBackend(resolver, jobs, emit)
    return _Execution(tasks, resolver, _Limits(jobs, cpus, memory), backend, emit).run()


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
        self._ranks = ranks(tasks)
        # The longest chain of work first: one that starts last is what everybody waits for.
        self._waiting = dict.fromkeys(sorted(self._tasks, key=lambda i: -self._ranks[i]))
        self._summary = Summary()

    def run(self) -> Summary:
        start = time.monotonic()
        present = self._resolver.present(self._tasks.values())
        missing = [
            task
            for task in self._tasks.values()
            if task.id not in present and not self._resolver.lacks(task)
        ]
        if self._backend.limited and self._limits.memory is not None:
            require_memory(missing, self._limits.memory)
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
        """The next tasks whose inputs are all there, as many as the limits allow."""
        ready: list[tuple[Task, Mapping[str, Entry]]] = []
        for task_id in list(self._waiting):
            task = self._tasks[task_id]
            if lack := self._resolver.lacks(task):
                self._skip(task, lack)
                continue
            outcomes = {name: self._summary.outcomes.get(i) for name, i in task.needs.items()}
            inputs = {name: o.entry for name, o in outcomes.items() if o and o.usable and o.entry}
            if len(inputs) == len(task.needs):
                if not self._allowed(task, [*running, *(other for other, _ in ready)]):
                    break  # a smaller task that overtook this one could keep it waiting for ever
                ready.append((task, inputs))
            elif any(outcome and not outcome.usable for outcome in outcomes.values()):
                self._skip(task, self._blocker(task))
        return ready

    def _allowed(self, task: Task, beside: list[Task]) -> bool:
        if not self._backend.limited:
            return True
        memory = sum(cost(other).memory for other in (task, *beside))
        fits = self._limits.memory is None or memory <= self._limits.memory
        return len(beside) < self._limits.jobs and (fits or not beside)

    def _skip(self, task: Task, reason: str) -> None:
        del self._waiting[task.id]
        self._summary.outcomes[task.id] = Outcome(task, "skipped", None, reason)
        self._emit(Finished(task.name, task.stage.name, "skipped", reason, 0.0))

    def _blocker(self, task: Task) -> str:
        """Why a task cannot run: how the task that it needs ended."""
        blockers = (self._summary.outcomes.get(need) for need in task.needs.values())
        blocker = next(outcome for outcome in blockers if outcome and not outcome.usable)
        if blocker.status == "skipped":
            return blocker.reason
        return f"{blocker.task.stage.name} {blocker.status}"

    def _settle(self, task: Task, future: Future[Outcome]) -> None:
        try:
            outcome = future.result()
        except BenchError as error:
            known = {(other.what, other.log) for other in self._summary.errors}
            if (error.what, error.log) not in known:  # a lost scheduler fails many tasks alike
                self._summary.errors.append(error)
            outcome = Outcome(task, "failed", None, error.what)
            first_line = error.what.splitlines()[0]
            self._emit(Finished(task.name, task.stage.name, "failed", first_line, 0.0))
        self._summary.outcomes[task.id] = outcome
