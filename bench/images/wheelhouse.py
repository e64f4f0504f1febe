"""The wheels of an image, fetched on the host: builds then need no package index."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from packaging.markers import Marker

from bench.environments import Environment
from bench.errors import EnvironmentFailure, store_error
from bench.events import Emit, Note, Progress
from bench.images.context import Item
from bench.locks import Cancelled, hold
from bench.runners.process import Child

# The image's Python and C library, whatever the host has: Debian 12.
PYTHON = "3.11"
PYTHON_FULL = "3.11.2"
GLIBC_MINOR = 36
OLDEST_GLIBC_MINOR = 17
READY = "ready"
EITHER = "either.lock"
_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)


def wheels(
    environment: Environment, cache: Path, task: str, emit: Emit, cancelled: threading.Event
) -> list[Item]:
    """Every wheel that `environment` pins, from the cache or fetched now, as files of a context.

    Of the locks of which one is enough, the one taken is among the files, as `either.lock`.

    Args:
        environment: What to fetch for.
        cache: Folder that keeps the wheels, by lock.
        task: What events are about.
        emit: Takes progress.
        cancelled: Set when the run is interrupted.

    Raises:
        EnvironmentFailure: pip could not fetch them, or got what the lock does not name.
        Cancelled: `cancelled` was set.
    """
    home = cache / f"{environment.name}-{_key(environment)[:12]}"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        with hold(home.with_suffix(".lock"), cancelled):
            if not (home / READY).exists():
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir()
                _Download(environment, home, task, emit, cancelled).run()
                (home / READY).touch()
    except OSError as error:
        raise store_error(error, home) from error
    files = sorted(path for path in home.iterdir() if path.suffix in (".whl", ".lock"))
    return [Item(f"wheels/{path.name}", path) for path in files]


def for_image(lock: str, machine: str) -> list[str]:
    """The entries of a lock that apply to the image's Python, without their conditions.

    pip judges conditions by the Python that runs it, which on the host may be another one.

    Args:
        lock: Text of a lock: `name==version ; condition` with hashes.
        machine: Processor architecture, as `platform.machine()` gives it.
    """
    target = {
        "python_version": PYTHON,
        "python_full_version": PYTHON_FULL,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
    }
    kept = []
    for entry in _ENTRY.split(lock)[1:]:
        first, _, hashes = entry.partition("\n")
        pin, _, condition = first.removesuffix("\\").partition(";")
        if not condition or Marker(condition.strip()).evaluate(target):
            kept.append(f"{pin.strip()} \\\n{hashes}")
    return kept


def _key(environment: Environment) -> str:
    parts = [environment.recipe(), PYTHON, platform.machine()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _platforms() -> list[str]:
    machine = platform.machine()
    minors = range(GLIBC_MINOR, OLDEST_GLIBC_MINOR - 1, -1)
    names = [f"manylinux_2_{minor}_{machine}" for minor in minors]
    return [*names, f"manylinux2014_{machine}", f"linux_{machine}"]


class _Download:
    """The calls of pip for one wheelhouse, their log and their progress."""

    def __init__(
        self, environment: Environment, home: Path, task: str, emit: Emit, cancel: threading.Event
    ) -> None:
        self._environment = environment
        self._home = home
        self._task = task
        self._emit = emit
        self._cancelled = cancel
        self._log = home.with_suffix(".log")
        self._done = 0
        self._total = 0

    def run(self) -> None:
        self._log.write_text("")
        for lock in self._environment.locks:
            if self._fetch(lock):
                raise self._failure()
        either = self._environment.either_of
        for lock in either:
            status = self._fetch(lock)
            if not status:
                shutil.copy(lock, self._home / EITHER)
                return
            if "No matching distribution found" not in self._log.read_text()[-2000:]:
                raise self._failure()
            note = f"{lock.stem} is not offered by pip's package index; trying the next build"
            self._emit(Note(self._task, note))
        if either:
            raise self._failure()

    def _fetch(self, lock: Path) -> int:
        """Fetch what one lock names; pip's exit status."""
        entries = for_image(lock.read_text(encoding="utf-8"), platform.machine())
        self._total += len(entries)
        wanted = self._home / f"{lock.stem}.txt"
        wanted.write_text("".join(entries), encoding="utf-8")
        options: Sequence[str] = (
            "--no-deps", "--require-hashes", "--only-binary", ":all:", "--progress-bar", "off",
            "--disable-pip-version-check", "--no-input",
            "--python-version", PYTHON, "--implementation", "cp", "--abi", "cp311",
            *(part for name in _platforms() for part in ("--platform", name)),
        )  # fmt: skip
        command = [
            sys.executable, "-m", "pip", "download", *options,
            "--dest", str(self._home), "--requirement", str(wanted),
        ]  # fmt: skip
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
            self._done = min(self._done + 1, self._total)
            name = f"fetching {line.split()[1]}"
            self._emit(Progress(self._task, self._done, self._total, "package", name))

    def _failure(self) -> EnvironmentFailure:
        return EnvironmentFailure(
            f"The packages of the {self._environment.name} image could not be fetched.",
            "If the network or the disk was at fault, rerun; if a hash did not match, the "
            "package index serves other files than the lock names.",
            self._log,
        )
