"""Stages in isolated virtual environments, for machines without a container engine."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.console.events import Emit
from bench.environments import ENVIRONMENTS, Environment
from bench.errors import StageFailure
from bench.extensions import folders
from bench.paths import ROOT
from bench.runners.base import Job
from bench.runners.limits import Limits
from bench.runners.provision import is_provisioned, provision, require_space, require_tools
from bench.runners.vivado import ENVIRONMENT as VIVADO
from bench.runners.vivado import Vivado, require_plain, require_vivado, why_none
from bench.runners.wire import Request, Result
from bench.runners.worker import (
    as_event,
    fixed_variables,
    limit_variables,
    too_large,
    too_slow,
)
from bench.system.gpu import visible_devices
from bench.system.locks import Cancelled
from bench.system.process import Child, MemoryWatch, describe_exit

# What a worker may know of the caller's environment, besides BLAS settings.
PASSED_VARIABLES = ("PATH", "LANG", "TZ", "CXX")


class VenvRunner:
    """Runs each stage with the interpreter of its environment's virtual environment.

    Args:
        folder: Where the environments live; each is made once and kept.
        limits: What one stage may take.
        store: In which the stages work; None for no other place than `folder`.
    """

    name = "venv"

    def __init__(
        self, folder: Path, limits: Limits | None = None, store: Path | None = None
    ) -> None:
        self._folder = folder
        self._limits = limits or Limits()
        self._store = store or folder

    def recipe(self, environment: str) -> str:
        """The locks, the Python version and the processor architecture."""
        parts = [
            _environment(environment).recipe(),
            f"python{sys.version_info.major}.{sys.version_info.minor}",
            platform.machine(),
        ]
        if environment == VIVADO:
            parts.append(f"Vivado {require_vivado(os.environ).version}")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def describe(self, environment: str) -> Mapping[str, str]:
        """Every package in the environment."""
        found = self._home(environment).glob("lib/python*/site-packages/*.dist-info")
        packages = (path.stem.replace("-", "==", 1) for path in found)
        return {"packages": " ".join(sorted(packages, key=str.lower))}

    def lacks(self, environment: str) -> str:
        """See `Runner.lacks`."""
        return why_none(environment, os.environ)

    def ready(self, environment: str) -> bool:
        """See `Runner.ready`."""
        return is_provisioned(_environment(environment), self._home(environment))

    def check(self, environment: str) -> None:
        """Raise `EnvironmentFailure` if this machine lacks what `environment` needs."""
        require_tools(_environment(environment))
        require_space(_environment(environment), self._home(environment))
        if environment == VIVADO:
            folders = require_vivado(os.environ).folders
            require_plain(self._store, self._folder, ROOT, *folders)

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:
        """Install the environment, once; see `Runner.prepare`."""
        provision(_environment(environment), self._home(environment), emit, cancelled)

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """Run the worker as a child that dies with the orchestrator; see `Runner.run`."""
        environment = _environment(job.environment)
        vivado = require_vivado(os.environ) if job.environment == VIVADO else None
        request = replace(job.request, leash=True)
        request_path = job.log.parent / "request.json"
        request.write(request_path)
        python = self._home(job.environment) / "bin" / "python"
        command = [str(python), "-m", environment.worker, str(request_path)]
        variables = _variables(environment, request, vivado)
        variables |= limit_variables(job.environment, self._limits)
        limits = self._limits.of(job.environment)
        with (
            job.log.open("ab") as log,
            Child(command, variables, log, cancelled, request.scratch) as child,
            MemoryWatch(child.pid, limits.memory_bytes, limits.seconds) as memory,
        ):
            for line in child.lines():
                emit(as_event(job.task, line))
            status = child.wait()
        if cancelled.is_set():
            raise Cancelled
        if memory.too_large:
            stage = f"Stage '{request.stage}'"
            raise too_large(stage, job.environment, self._limits, job.log)
        if memory.too_slow:
            raise too_slow(request.stage, job.environment, self._limits, job.log)
        result = Result.read(request.result)
        if result is None:
            raise StageFailure(
                f"The worker of stage '{request.stage}' {describe_exit(status)}.",
                "Read its log; if memory ran out, rerun with fewer --jobs.",
                job.log,
            )
        peak = max(memory.peak_bytes, result.peak_memory_bytes)
        return replace(result, peak_memory_bytes=peak)

    def _home(self, environment: str) -> Path:
        name = _environment(environment).name
        return self._folder / f"{name}--{self.recipe(name)[:12]}"


def _environment(name: str) -> Environment:
    return ENVIRONMENTS["finn" if name == VIVADO else name]


def _variables(environment: Environment, request: Request, vivado: Vivado | None) -> dict[str, str]:
    """A clean set of environment variables: nothing of the caller's but what is listed."""
    return {
        **(vivado.variables if vivado else {}),
        **{name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        **fixed_variables(str(request.scratch), request.cpus),
        **visible_devices(),
        "PYTHONPATH": os.pathsep.join(map(str, (*environment.worker_folders, *folders()))),
    }
