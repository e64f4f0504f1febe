"""Run a plan: what is missing, side by side, each task once its inputs are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from bench.errors import BenchError, Exit
from bench.events import Emit, Finished, Note
from bench.locks import Cancelled
from bench.pipeline.ensure import Ensurer, Outcome
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.store import Entry


@dataclass
class Summary:
    """How a run ended.

    Attributes:
        outcomes: The outcome of each task that came to one, by task id.
        errors: What went wrong, in the order it did.
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


def execute(tasks: Sequence[Task], resolver: Resolver, jobs: int, cpus: int, emit: Emit) -> Summary:
    """Ensure every task's artifact; one failure stops only what depends on it.

    Args:
        tasks: A plan, each task after those that it needs.
        resolver: Keys, store and runners.
        jobs: How many tasks run at once.
        cpus: Processors to share between them.
        emit: Takes the events.

    Raises:
        KeyboardInterrupt: Ctrl-C; every child is stopped and nothing half-written is left.
    """
    return _Execution(tasks, resolver, jobs, cpus, emit).run()


class _Execution:
    def __init__(
        self, tasks: Sequence[Task], resolver: Resolver, jobs: int, cpus: int, emit: Emit
    ) -> None:
        self._tasks = {task.id: task for task in tasks}
        self._resolver = resolver
        self._emit = emit
        self._jobs = jobs
        self._cancelled = threading.Event()
        self._ensurer = Ensurer(resolver, max(1, cpus // jobs), emit, self._cancelled)
        self._waiting = dict.fromkeys(self._tasks)
        self._summary = Summary()

    def run(self) -> Summary:
        start = time.monotonic()
        self._check_environments()
        with self._resolver.store.session(), ThreadPoolExecutor(self._jobs + 1) as pool:
            try:
                self._prepare_early(pool)
                self._drain(pool)
            except BaseException:
                self._cancelled.set()
                raise
        self._summary.seconds = time.monotonic() - start
        return self._summary

    def _missing_environments(self) -> list[str]:
        present = self._resolver.present(self._tasks.values())
        tasks = self._tasks.values()
        missing = (
            task.stage.environment
            for task in tasks
            if task.id not in present and not self._resolver.lacks(task)
        )
        return list(dict.fromkeys(missing))

    def _check_environments(self) -> None:
        """Fail in the first second, not after the training, if a tool is missing."""
        for environment in self._missing_environments():
            self._resolver.runners[environment].check(environment)

    def _prepare_early(self, pool: ThreadPoolExecutor) -> None:
        """Set up the environments that will be needed, while the first tasks run."""

        def prepare(environments: Sequence[str]) -> None:
            for environment in environments:
                try:
                    runner = self._resolver.runners[environment]
                    runner.prepare(environment, self._emit, self._cancelled)
                except (BenchError, Cancelled):
                    return  # the task that needs it meets the same error and reports it

        pool.submit(prepare, self._missing_environments())

    def _drain(self, pool: ThreadPoolExecutor) -> None:
        running: dict[Future[Outcome], Task] = {}
        while self._waiting or running:
            for task, inputs in self._ready(limit=self._jobs - len(running)):
                del self._waiting[task.id]
                running[pool.submit(self._ensurer.ensure, task, inputs)] = task
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                self._settle(running.pop(future), future)

    def _ready(self, limit: int) -> list[tuple[Task, Mapping[str, Entry]]]:
        """The next tasks whose inputs are all there.

        Earlier stages come first: the longest chain of work starts with a training, and one that
        starts last is what everybody waits for.
        """
        ready: list[tuple[Task, Mapping[str, Entry]]] = []
        for task_id in list(self._waiting):
            if len(ready) >= limit:
                break
            task = self._tasks[task_id]
            if lack := self._resolver.lacks(task):
                self._skip(task, lack)
                continue
            outcomes = {name: self._summary.outcomes.get(i) for name, i in task.needs.items()}
            inputs = {name: o.entry for name, o in outcomes.items() if o and o.usable and o.entry}
            if len(inputs) == len(task.needs):
                ready.append((task, inputs))
            elif any(outcome and not outcome.usable for outcome in outcomes.values()):
                self._skip(task, self._blocker(task))
        return ready

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
            self._summary.errors.append(error)
            outcome = Outcome(task, "failed", None, error.what)
            self._emit(Note(task.name, f"{task.stage.name} failed: {error.what}"))
            self._emit(Finished(task.name, task.stage.name, "failed", error.what, 0.0))
        self._summary.outcomes[task.id] = outcome
