"""Make a virtual environment from hash-pinned locks, once."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from pathlib import Path

from bench.console.events import SET_UP, Emit, Finished, Note, Started
from bench.console.text import size_text
from bench.environments import Environment
from bench.environments.pip import OPTIONS, Pip, count_pins, not_installed
from bench.errors import EnvironmentFailure, store_error
from bench.system import pip_settings
from bench.system.files import existing, read_bytes, write_atomic
from bench.system.locks import hold
from bench.system.process import run_logged
from contract import compiler

READY = "ready.json"


def provision(environment: Environment, home: Path, emit: Emit, cancelled: threading.Event) -> None:
    """Install `environment` into the virtual environment `home`, unless it is there.

    Raises:
        EnvironmentFailure: A tool or disk space is missing, or pip failed.
        Cancelled: `cancelled` was set.
    """
    if is_provisioned(environment, home):
        return
    task = f"{environment.name} environment"
    waiting = Note(task, "another run is setting it up; waiting for that")
    try:
        with hold(home.with_suffix(".lock"), cancelled, lambda: emit(waiting)):
            if is_provisioned(environment, home):
                return
            require_space(environment, home)
            shutil.rmtree(home, ignore_errors=True)
            _install(environment, home, task, emit, cancelled)
    except OSError as error:
        raise store_error(error, home) from error


def is_provisioned(environment: Environment, home: Path) -> bool:
    """Whether the virtual environment `home` is complete; raises `StoreError` if unreadable."""
    try:
        ready = json.loads(read_bytes(home / READY))
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError):
        return False  # a power cut leaves an empty file
    except OSError as error:
        raise store_error(error, home / READY) from error
    return isinstance(ready, dict) and ready.get("recipe") == environment.recipe()


def require_tools(environment: Environment) -> None:
    """Raise `EnvironmentFailure` if the machine lacks tools that are not in the environment."""
    if not environment.compiler:
        return
    if compiler.find_compiler() is None:
        raise EnvironmentFailure(compiler.describe_missing(), compiler.REMEDY)
    if not shutil.which("make"):
        raise EnvironmentFailure(
            "No `make`; the RTL simulator is built with it.",
            "Install it (Debian, Ubuntu: `apt-get install make`), then rerun.",
        )


def require_space(environment: Environment, home: Path) -> None:
    """Raise `EnvironmentFailure` if there is too little disk space to make it in `home`."""
    if is_provisioned(environment, home):
        return
    free = shutil.disk_usage(existing(home.parent)).free
    if free < environment.disk_bytes:
        raise EnvironmentFailure(
            f"The {environment.name} environment needs {size_text(environment.disk_bytes)}, "
            f"{home.parent} has {size_text(free)} free.",
            "Free some disk space, or choose another store with --store.",
        )


def _install(
    environment: Environment, home: Path, task: str, emit: Emit, cancelled: threading.Event
) -> None:
    start = time.monotonic()
    emit(Started(task, SET_UP))
    log = home.with_suffix(".log")
    log.write_text("")
    # Without pip's settings: the pip that this installs reads them, for what follows.
    variables = pip_settings.as_variables({}, os.environ)
    if not run_logged((sys.executable, "-m", "venv", str(home)), variables, log, cancelled):
        raise not_installed(task, log)
    pip = Pip(task, log, emit, cancelled, str(home / "bin" / "python"))
    pip.expect(sum(map(count_pins, environment.locks)))
    # It comes with the virtual environment, in a version that is not pinned.
    pip.call("uninstall", "--yes", "--quiet", "setuptools")
    for lock in environment.locks:
        if not pip.call("install", *OPTIONS, "-r", str(lock)):
            raise pip.failure()
    pip.first_offered(environment.either_of, lambda lock: _install_build(lock, home, pip))
    seconds = time.monotonic() - start
    ready = {"recipe": environment.recipe(), "python": sys.version, "seconds": seconds}
    write_atomic(home / READY, json.dumps(ready, indent=1) + "\n")
    emit(Finished(task, SET_UP, "done", "", seconds))


def _install_build(lock: Path, home: Path, pip: Pip) -> bool:
    """Install a build, if it is offered for this Python and machine; whether it is there."""
    before = _packages(home)
    pip.expect(count_pins(lock))
    if pip.call("install", *OPTIONS, "-r", str(lock)) and _packages(home) != before:
        return True
    pip.expect(-count_pins(lock))
    return False


def _packages(home: Path) -> set[str]:
    return {path.name for path in home.glob("lib/python*/site-packages/*.dist-info")}
