"""Make a virtual environment from hash-pinned locks, once."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.environments import Environment
from bench.errors import EnvironmentFailure, store_error
from bench.events import Emit, Finished, Note, Progress, Started
from bench.locks import Cancelled, hold
from bench.runners.process import Child

READY = "ready.json"
COMPILERS = ("clang++", "g++", "c++")
PIP_OPTIONS = (
    "--no-deps", "--require-hashes", "--only-binary", ":all:", "--progress-bar", "off",
    "--disable-pip-version-check", "--no-input",
)  # fmt: skip


def provision(environment: Environment, home: Path, emit: Emit, cancelled: threading.Event) -> None:
    """Install `environment` into the virtual environment `home`; quick when it is there.

    Raises:
        EnvironmentFailure: A tool or disk space is missing, or pip failed.
        Cancelled: `cancelled` was set.
    """
    if (home / READY).exists():
        return
    try:
        with hold(home.with_suffix(".lock"), cancelled):
            if (home / READY).exists():
                return
            _require_space(environment, home)
            shutil.rmtree(home, ignore_errors=True)
            _Installation(environment, home, emit, cancelled).run()
    except OSError as error:
        raise store_error(error, home) from error


def require_tools(environment: Environment) -> None:
    """Raise `EnvironmentFailure` if the machine lacks what the environment cannot bring."""
    if not environment.compiler:
        return
    named = os.environ.get("CXX")
    compilers = (named,) if named else COMPILERS
    if not any(shutil.which(compiler) for compiler in compilers):
        raise EnvironmentFailure(
            f"No C++ compiler ({', '.join(compilers)}); the RTL simulator is compiled here.",
            "Install one (Debian, Ubuntu: `apt-get install g++ make`; Fedora: "
            "`dnf install gcc-c++ make`), then rerun.",
        )
    if not shutil.which("make"):
        raise EnvironmentFailure(
            "No `make`; the RTL simulator is built with it.",
            "Install it (Debian, Ubuntu: `apt-get install make`), then rerun.",
        )


def _require_space(environment: Environment, home: Path) -> None:
    free = shutil.disk_usage(home.parent).free
    if free < environment.disk_bytes:
        raise EnvironmentFailure(
            f"The {environment.name} environment needs {environment.disk_bytes / 1e9:.1f} GB, "
            f"{home.parent} has {free / 1e9:.1f} GB free.",
            "Free some disk space, or choose another store with --store.",
        )


class _Installation:
    """One installation: the calls of venv and pip, their log and their progress."""

    def __init__(
        self, environment: Environment, home: Path, emit: Emit, cancelled: threading.Event
    ) -> None:
        self._environment = environment
        self._home = home
        self._emit = emit
        self._cancelled = cancelled
        self._log = home.with_suffix(".log")
        self._task = f"{environment.name} environment"
        self._pins = sum(_count_pins(lock) for lock in environment.locks)
        self._installed = 0

    def run(self) -> None:
        start = time.monotonic()
        self._emit(Started(self._task, "set up"))
        self._log.write_text("")
        if self._call([sys.executable, "-m", "venv", str(self._home)]):
            raise self._failure()
        for lock in self._environment.locks:
            if self._pip_install(lock):
                raise self._failure()
        self._install_either(self._environment.either_of)
        ready = {"recipe": self._environment.recipe(), "python": sys.version}
        (self._home / READY).write_text(json.dumps(ready, indent=1) + "\n")
        self._emit(Finished(self._task, "set up", "done", "", time.monotonic() - start))

    def _install_either(self, locks: Sequence[Path]) -> None:
        """Install the first lock that can be had and applies to this Python and machine."""
        for lock in locks:
            self._pins += _count_pins(lock)
            before = self._packages()
            failed = self._pip_install(lock)
            if failed and not self._was_not_offered():
                raise self._failure()
            if not failed and self._packages() != before:
                return
            self._pins -= _count_pins(lock)
            note = f"{lock.stem} is not offered by pip's package index; trying the next build"
            self._emit(Note(self._task, f"{note}. README.md says how to choose."))
        if locks:
            raise self._failure()

    def _packages(self) -> set[str]:
        return {path.name for path in self._home.glob("lib/python*/site-packages/*.dist-info")}

    def _was_not_offered(self) -> bool:
        """Whether pip's last words are that there is no such version, not that it broke."""
        return "No matching distribution found" in self._log.read_text()[-2000:]

    def _failure(self) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"The {self._environment.name} environment could not be installed.",
            "If the network or the disk was at fault, rerun; if a hash did not match, the "
            "package index serves other files than the lock names.",
            self._log,
        )

    def _pip_install(self, lock: Path) -> int:
        python = str(self._home / "bin" / "python")
        return self._call([python, "-m", "pip", "install", *PIP_OPTIONS, "-r", str(lock)])

    def _call(self, command: list[str]) -> int:
        """Run a command to its end; its exit status."""
        variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        with (
            self._log.open("ab", buffering=0) as log,
            Child(command, variables, log, self._cancelled) as child,
        ):
            for line in child.lines():
                log.write(f"{line}\n".encode())
                self._show(line)
            status = child.wait()
        if self._cancelled.is_set():
            raise Cancelled
        return status

    def _show(self, line: str) -> None:
        if line.startswith("Collecting "):
            self._installed = min(self._installed + 1, self._pins)
            package = line.split()[1]
            self._emit(Progress(self._task, self._installed, self._pins, "package", package))


def _count_pins(lock: Path) -> int:
    return len(re.findall(r"^[A-Za-z0-9][^#\n]*==", lock.read_text(), re.MULTILINE))
