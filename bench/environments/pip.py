"""Run pip as a child process: its log, its progress, and what its failures mean."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.console.events import SET_UP, Emit, Note, Progress
from bench.errors import EnvironmentFailure
from bench.system import pip_settings
from bench.system.process import run_logged

OPTIONS = (
    "--no-deps", "--require-hashes", "--only-binary", ":all:", "--progress-bar", "off",
    "--disable-pip-version-check", "--no-input",
)  # fmt: skip


@dataclass
class Pip:
    """Runs commands of the pip of `python`; `log`, emptied first, gets their output."""

    task: str
    log: Path
    emit: Emit
    cancelled: threading.Event
    python: str

    def __post_init__(self) -> None:
        self._done = self._total = 0
        self._from = 0  # where in the log the last command begins
        self._ended_well = True
        self.log.write_text("")
        self._variables = self._read_settings()

    def expect(self, packages: int) -> None:
        """Expect so many more packages, or fewer if negative."""
        self._total += packages

    def call(self, *arguments: str) -> bool:
        """Run a command of pip; returns whether it succeeded.

        Raises:
            Cancelled: The run was interrupted.
        """
        self._from = self.log.stat().st_size
        command = (self.python, "-m", "pip", *arguments)
        self._ended_well = run_logged(
            command, self._variables, self.log, self.cancelled, self._show
        )
        return self._ended_well

    def first_offered(self, locks: Sequence[Path], attempt: Callable[[Path], bool]) -> Path | None:
        """The first of several builds' `locks` that pip's index offers; None for no locks.

        `attempt` runs pip for a lock and returns whether that got the build, which pip skips if the
        lock's condition does not hold.

        Raises:
            EnvironmentFailure: No build is offered, or pip failed for another reason.
        """
        for lock in locks:
            if attempt(lock):
                return lock
            if self._ended_well:
                continue
            if b"No matching distribution found" not in self.log.read_bytes()[self._from :]:
                raise self.failure()
            self._say(f"{lock.stem} is not offered by pip's package index; trying the next build")
        if locks:
            raise self.failure()
        return None

    def failure(self) -> EnvironmentFailure:
        """The error for a command that failed."""
        return not_installed(self.task, self.log)

    def _say(self, text: str) -> None:
        self.emit(Note(self.task, text))

    def _read_settings(self) -> dict[str, str]:
        """The environment variables of the commands."""
        try:
            settings = pip_settings.settings("install", python=self.python)
        except ValueError as error:
            self.log.write_text(f"{error}\n", encoding="utf-8")
            raise EnvironmentFailure(
                f"pip cannot read its settings: {str(error).splitlines()[-1]}",
                "Correct the file, or name another with PIP_CONFIG_FILE.",
                self.log,
            ) from error
        if ignored := pip_settings.ignored(settings):
            self._say(f"of pip's settings, the locks replace {', '.join(ignored)}")
        return pip_settings.as_variables(settings, os.environ)

    def _show(self, line: str) -> None:
        if line.startswith("Collecting "):
            self._done = min(self._done + 1, self._total)
            package = line.split()[1]
            self.emit(Progress(self.task, SET_UP, self._done, self._total, "package", package))


def not_installed(task: str, log: Path) -> EnvironmentFailure:
    """The error where packages could not be installed."""
    return EnvironmentFailure(
        f"The packages of the {task} could not be installed.",
        "If the network or the disk was at fault, rerun; if a hash did not match, the "
        "package index serves other files than the lock names.",
        log,
    )


def count_pins(lock: Path) -> int:
    """How many packages a lock names."""
    return len(re.findall(r"^[A-Za-z0-9][^#\n]*==", lock.read_text(), re.MULTILINE))
