"""The wheels of an image, fetched on the host: builds then need no package index."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import sys
import threading
from pathlib import Path

from packaging.markers import Marker

from bench.console.events import Emit, Note
from bench.environments import Environment
from bench.environments.pip import OPTIONS, Pip
from bench.errors import store_error
from bench.images.context import Item
from bench.system.locks import hold

# The image's Python and C library, those of Debian 12.
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

    The lock chosen from `either_of` is among the files, as `either.lock`. `cache` keeps the wheels.

    Raises:
        EnvironmentFailure: pip could not fetch them, or got what the lock does not name.
        Cancelled: `cancelled` was set.
    """
    home = cache / f"{environment.name}-{_key(environment)[:12]}"
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        waiting = Note(task, "another run is fetching the packages; waiting for that")
        with hold(home.with_suffix(".lock"), cancelled, lambda: emit(waiting)):
            if not (home / READY).exists():
                shutil.rmtree(home, ignore_errors=True)
                home.mkdir()
                pip = Pip(task, home.with_suffix(".log"), emit, cancelled, sys.executable)
                _download(environment, home, pip)
                (home / READY).touch()
    except OSError as error:
        raise store_error(error, home) from error
    files = sorted(path for path in home.iterdir() if path.suffix in (".whl", ".lock"))
    return [Item(f"wheels/{path.name}", path) for path in files]


def for_image(lock: str, machine: str) -> list[str]:
    """The entries of a lock that apply to the image's Python, without their conditions.

    pip evaluates conditions for the Python that runs it, which on the host may be another version.

    `lock` is the text of a lock, with entries `name==version ; condition` and hashes; `machine` is
    the architecture as in `platform.machine()`.
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


def _download(environment: Environment, home: Path, pip: Pip) -> None:
    for lock in environment.locks:
        if not _fetch(lock, home, pip):
            raise pip.failure()
    build = pip.first_offered(environment.either_of, lambda lock: _fetch(lock, home, pip))
    if build is not None:
        shutil.copy(build, home / EITHER)


def _fetch(lock: Path, home: Path, pip: Pip) -> bool:
    """Fetch what a lock names; whether pip got all of it."""
    entries = for_image(lock.read_text(encoding="utf-8"), platform.machine())
    wanted = home / f"{lock.stem}.txt"
    wanted.write_text("".join(entries), encoding="utf-8")
    pip.expect(len(entries))
    target = ("--python-version", PYTHON, "--implementation", "cp", "--abi", "cp311")
    platforms = (part for name in _platforms() for part in ("--platform", name))
    places = ("--dest", str(home), "--requirement", str(wanted))
    return pip.call("download", *OPTIONS, *target, *platforms, *places)
