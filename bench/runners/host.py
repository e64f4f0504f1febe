"""Run stages in the orchestrator's own process: fetch data, use a board."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from bench.console.events import Emit, Note, Progress
from bench.errors import BenchError, store_error
from bench.runners.base import Job, Runner
from bench.runners.wire import Request, Result
from bench.system.locks import Cancelled
from bench.words import Status
from contract.timings import Timed


class HostReporter(Timed):
    """Takes progress, notes and the log of a host stage; see the workers' Reporter."""

    def __init__(
        self, task: str, stage: str, emit: Emit, log: TextIO, cancelled: threading.Event
    ) -> None:
        super().__init__()
        self._task = task
        self._stage = stage
        self.emit = emit
        self._log = log
        self.cancelled = cancelled
        self.tools: dict[str, str] = {}

    def progress(self, done: int, total: int, unit: str, text: str = "") -> None:
        """`done` of `total` `unit`s are through. Raises `Cancelled` after an interrupt."""
        self.check_cancelled()
        self.emit(Progress(self._task, self._stage, done, total, unit, text))

    def note(self, text: str) -> None:
        """Something a person should read; also logged."""
        self.log(text)
        self.emit(Note(self._task, text))

    def log(self, text: str) -> None:
        """A line for the log."""
        self._log.write(text.rstrip("\n") + "\n")
        self._log.flush()

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when the run was interrupted; call it in every long loop."""
        if self.cancelled.is_set():
            raise Cancelled


class WrongResult(Exception):
    """The result of a host stage: the design computes something else than the trained model."""


@dataclass(frozen=True, kw_only=True)
class HostContext:
    """What host stages may use.

    Attributes:
        workers: The runner of workers.
        pool: The boards.
        files: Where the user's own files are, by SHA-256.
    """

    workers: Runner
    pool: Any
    files: Mapping[str, Path] = field(default_factory=dict)


HostStage = Callable[[Request, HostReporter, HostContext], None]


class HostRunner(Runner):
    """Runs host stages as plain functions, each imported by `load` when it runs."""

    name = "host"

    def __init__(
        self, context: HostContext, load: Callable[[str], HostStage] | None = None
    ) -> None:
        self._context = context
        self._load = load or _function

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """Call the stage's function; see `Runner.run`."""
        with job.log.open("a", encoding="utf-8") as log:
            reporter = HostReporter(job.task, job.request.stage, emit, log, cancelled)
            status, reason = Status.DONE, ""
            try:
                self._load(job.request.entry)(job.request, reporter, self._context)
            except WrongResult as wrong:
                status, reason = Status.WRONG, str(wrong)
                reporter.log(reason)
            except BenchError as error:
                reporter.log(f"{error.what} {error.remedy}")
                error.log = error.log or job.log
                raise
            except OSError as error:
                raise store_error(error, job.request.outputs) from error
        return Result(
            status=status,
            reason=reason,
            remedy="",
            excerpt="",
            tools=reporter.tools,
            timings=reporter.timings,
            peak_memory_bytes=0,
        )


def _function(entry: str) -> HostStage:
    """The function that `entry` names, as `module:function`."""
    module, _, name = entry.partition(":")
    function: HostStage = getattr(import_module(module), name)
    return function
