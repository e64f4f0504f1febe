"""Run stages in isolated virtual environments, for machines without a container engine."""

from __future__ import annotations

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
from bench.runners.wire import Request, Result, read_result
from bench.runners.worker import WorkerRunner, as_event, fixed_variables
from bench.system.bounded_log import BoundedLog
from bench.system.gpu import visible_devices
from bench.system.locks import Cancelled
from bench.system.process import Child, MemoryWatch, describe_exit

# The caller's variables that a worker gets, besides BLAS settings.
PASSED_VARIABLES = ("PATH", "LANG", "TZ", "CXX")


class VenvRunner(WorkerRunner):
    """Runs each stage with the interpreter of its environment's virtual environment.

    `folder` has the environments, each made once and kept; stages work in `store`, by default
    `folder`.
    """

    name = "venv"

    def __init__(
        self, folder: Path, limits: Limits | None = None, store: Path | None = None
    ) -> None:
        super().__init__(limits, os.environ)
        self._folder = folder
        self._store = store or folder

    def _recipe_parts(self, environment: Environment) -> list[str]:
        """The locks, the Python version and the processor architecture."""
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return [environment.recipe(), python, platform.machine()]

    def describe(self, environment: str) -> Mapping[str, str]:
        """Every package in the environment."""
        infos = self._home(environment).glob("lib/python*/site-packages/*.dist-info")
        packages = (path.stem.replace("-", "==", 1) for path in infos)
        return {"packages": " ".join(sorted(packages, key=str.lower))}

    def ready(self, environment: str) -> bool:
        return is_provisioned(_installed(environment), self._home(environment))

    def check(self, environment: str) -> None:
        self._check_vivado(ENVIRONMENTS[environment], self._store, self._folder, ROOT)
        if not self.lacks(environment):
            require_tools(ENVIRONMENTS[environment])
            require_space(_installed(environment), self._home(environment))

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:
        """Install the environment, once; see `Runner.prepare`."""
        provision(_installed(environment), self._home(environment), emit, cancelled)

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """Run the worker as a child that dies with the orchestrator; see `Runner.run`."""
        environment = ENVIRONMENTS[job.environment]
        request = replace(job.request, stop_on_eof=True)
        request_path = job.log.parent / "request.json"
        request.write(request_path)
        python = self._home(job.environment) / "bin" / "python"
        command = [str(python), "-m", "stagekit", str(request_path)]
        variables = self._vivado_variables(self._vivado(environment))
        variables |= _variables(environment, request)
        limits = self.limits.of(environment)
        with (
            job.log.open("ab") as file,
            BoundedLog(file) as log,
            Child(command, variables, log, cancelled, request.scratch) as child,
            MemoryWatch(child.pid, limits.memory_bytes, limits.seconds) as memory,
        ):
            for line in child.lines():
                emit(as_event(job.task, job.request.stage, line))
            status = child.wait()
        if cancelled.is_set():
            raise Cancelled
        if memory.too_large:
            raise self._too_large(f"Stage '{request.stage}'", job)
        if memory.too_slow:
            raise self._too_slow(job)
        result = read_result(request.result)
        if result is None:
            raise StageFailure(
                f"The worker of stage '{request.stage}' {describe_exit(status)}.",
                "Read its log; if memory ran out, rerun with fewer --jobs.",
                job.log,
            )
        peak = max(memory.peak_bytes, result.peak_memory_bytes)
        return replace(result, peak_memory_bytes=peak)

    def _home(self, environment: str) -> Path:
        name = _installed(environment).name
        return self._folder / f"{name}--{self.recipe(name)[:12]}"


def _installed(environment: str) -> Environment:
    return ENVIRONMENTS[ENVIRONMENTS[environment].installation]


def _variables(environment: Environment, request: Request) -> dict[str, str]:
    """The environment variables of a worker: of the caller's, only those that are listed."""
    return {
        **{name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ},
        **fixed_variables(str(request.scratch), request.cpus),
        **visible_devices(),
        "PYTHONPATH": os.pathsep.join(map(str, (*environment.worker_folders, *folders()))),
    }
