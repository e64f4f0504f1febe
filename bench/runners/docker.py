"""Run stages in containers: no network, and no files but those that a stage reads and writes."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from docker.client import DockerClient
from docker.utils.socket import STDOUT

from bench.console.events import Emit, Note
from bench.environments import ENVIRONMENTS, Environment
from bench.errors import BenchError, EnvironmentFailure, StageFailure
from bench.extensions import folders
from bench.images.base import Base, check_base, ensure_base, find_base
from bench.images.build import Image, ensure_image, is_built
from bench.images.cleanup import dead_containers, owner_label, remove
from bench.images.engine import LABEL, engine, version
from bench.images.recipe import RECIPES
from bench.runners.base import Job
from bench.runners.container import KILLED, Container, End, Setup
from bench.runners.limits import Limits
from bench.runners.wire import Request, Result, read_result
from bench.runners.worker import WorkerRunner, as_event, fixed_variables
from bench.system.bounded_log import BoundedLog
from bench.system.gpu import engine_offers_gpu, has_gpu, visible_devices
from bench.system.listening import TimedOut
from bench.system.process import MemoryWatch, describe_exit

# Where a stage finds things in its container.
WORKER, EXTENSIONS = "/opt/worker", "/extensions"
REQUEST, INPUTS, OUTPUTS, SCRATCH, CACHE = "/job/request.json", "/in", "/out", "/scratch", "/cache"
WRITABLE = frozenset((OUTPUTS, SCRATCH, CACHE))
RESULT = "result.json"

_KILLED = (KILLED, 128 + signal.SIGTERM)
_ANSWER_SECONDS = 60


class DockerRunner(WorkerRunner):
    """Runs each stage in a container of its environment's image.

    `folder` keeps what building images leaves: wheels, the local base, logs.

    Raises:
        EnvironmentFailure: No engine answers.
    """

    name = "docker"

    def __init__(
        self,
        folder: Path,
        limits: Limits | None = None,
        variables: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__(limits, variables)
        self._folder = folder
        self._engine = version()
        self._base: Base | None = None
        self._images: dict[str, Image] = {}
        self._tidy = False
        self._lock = threading.Lock()

    def prepare_base(self, say: Callable[[str], None], cancelled: threading.Event) -> None:
        """Pull or build the base now: a run's keys depend on it.

        Raises:
            EnvironmentFailure: No base can be pulled or built.
            Cancelled: `cancelled` was set.
        """
        self._base = ensure_base(self._folder, say, cancelled)

    def _recipe_parts(self, environment: Environment) -> list[str]:
        """The Dockerfile, the locks, the base's digest and the processor architecture.

        Without a base there is no artifact of it: a recipe that no base has finds none.
        """
        base = self._base or find_base() or Base("", "not built yet", "")
        return [RECIPES[environment.installation].environment_hash(base)]

    def ready(self, environment: str) -> bool:
        base = self._base or find_base()
        return base is not None and is_built(RECIPES[ENVIRONMENTS[environment].installation], base)

    def check(self, environment: str) -> None:
        version()
        if self._base is None:
            check_base()
        self._check_vivado(ENVIRONMENTS[environment])  # all other paths are the container's

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:
        """Build the image, once, and remove what killed runs left; see `Runner.prepare`."""
        self.image(ENVIRONMENTS[environment].installation, emit, cancelled)

    def image(self, name: str, emit: Emit, cancelled: threading.Event) -> Image:
        """The image `name`: an environment's, or the emulated `board`'s; see `Runner.prepare`."""
        with self._lock:
            if not self._tidy:
                with engine(_ANSWER_SECONDS) as client:
                    for left in dead_containers(client):
                        if remove(client, left):
                            emit(Note("", f"removed {left.what}, left by a run that was killed"))
                self._tidy = True
            if self._base is None:
                self.prepare_base(lambda text: emit(Note("", text)), cancelled)
            base = self._base
        assert base is not None
        image = ensure_image(RECIPES[name], base, self._folder, emit, cancelled)
        self._images[name] = image
        return image

    def describe(self, environment: str) -> Mapping[str, str]:
        """The engine, the image and every package in it; see `Runner.describe`."""
        described = {"engine": f"Docker Engine {self._engine}"}
        if self._base is not None:
            described["base"] = f"{self._base.identity} ({self._base.origin})"
        if image := self._images.get(ENVIRONMENTS[environment].installation):
            described |= {"image": image.id, "packages": " ".join(image.packages)}
        return described

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """Run the worker in a container that ends with the orchestrator; see `Runner.run`."""
        with (
            engine(_ANSWER_SECONDS) as client,
            job.log.open("ab", buffering=0) as file,
            BoundedLog(file) as log,
        ):
            setup = self._setup(client, job)
            try:
                end, peak = _follow(client, setup, job, emit, cancelled, log)
            except TimedOut:
                raise self._too_slow(job) from None
            result = _take_result(job.request)
            if result is None or (result.status == "failed" and end.out_of_memory):
                raise self._explain(client, setup, job, end)
        return replace(result, peak_memory_bytes=max(peak, result.peak_memory_bytes))

    def _setup(self, client: DockerClient, job: Job) -> Setup:
        request, environment = job.request, ENVIRONMENTS[job.environment]
        inside = _inside(request)
        written = job.log.parent / "request.json"
        inside.write(written)
        inputs = {str(inside.inputs[name]): folder for name, folder in request.inputs.items()}
        places = {OUTPUTS: request.outputs, SCRATCH: request.scratch, CACHE: request.cache}
        variables = fixed_variables(SCRATCH, request.cpus) | {"USER": "bench", "LOGNAME": "bench"}
        gpus = environment.gpu and has_gpu() and engine_offers_gpu(client.info())
        if gpus:
            variables |= visible_devices()
        added = {f"{EXTENSIONS}/{nth}": folder for nth, folder in enumerate(folders())}
        if added:
            variables["PYTHONPATH"] = ":".join((WORKER, *added))
        vivado = self._vivado(environment)
        if vivado:
            inputs |= {str(folder): folder for folder in vivado.folders}
            variables |= self._vivado_variables(vivado)
        return Setup(
            image=self._images[environment.installation].id,
            command=(REQUEST,),
            user=_user(client),
            variables=variables,
            mounts={REQUEST: written, **inputs, **added, **places},
            writable=WRITABLE,
            labels={LABEL: request.stage, f"{LABEL}.task": job.task, **owner_label()},
            cpus=request.cpus,
            limits=self.limits.of(environment),
            gpus=gpus,
            network="bridge" if vivado and vivado.needs_network else "none",
        )

    def _explain(self, client: DockerClient, setup: Setup, job: Job, end: End) -> BenchError:
        """Why a container left no result."""
        stage = f"The container of stage '{job.request.stage}'"
        if end.out_of_memory:
            return self._too_large(stage, job)
        if end.status in _KILLED:
            return StageFailure(
                f"{stage} was killed from outside, not by its own limits.",
                "Rerun. If nobody stopped it, the machine ran out of memory (see `dmesg`): use "
                "fewer --jobs.",
                job.log,
            )
        if blocked := _unwritable(client, setup):
            folder = setup.mounts[blocked]
            return EnvironmentFailure(
                f"Containers may not write to {folder}, though you may.",
                "Network file systems, user name-space remapping and SELinux forbid that; choose "
                "a store on a local disk with --store, or use --runner venv.",
                job.log,
            )
        return StageFailure(
            f"{stage} {describe_exit(end.signed_status)}.",
            "Read its log, then rerun.",
            job.log,
        )


def _inside(request: Request) -> Request:
    """The request as the worker sees it: paths of the container."""
    return replace(
        request,
        inputs={name: Path(INPUTS) / name for name in request.inputs},
        outputs=Path(OUTPUTS),
        scratch=Path(SCRATCH),
        cache=Path(CACHE),
        result=Path(SCRATCH) / RESULT,
        stop_on_eof=True,
    )


def _user(client: DockerClient) -> str:
    """The user to run as, so that files belong to the caller; a rootless engine's root is that."""
    rootless = any("rootless" in option for option in client.info().get("SecurityOptions") or ())
    return "0:0" if rootless else f"{os.getuid()}:{os.getgid()}"


def _follow(
    client: DockerClient,
    setup: Setup,
    job: Job,
    emit: Emit,
    cancelled: threading.Event,
    log: BoundedLog,
) -> tuple[End, int]:
    """Run a container, events to `emit`, the rest to `log`; returns its end and peak memory."""
    with Container(client, setup, cancelled) as container:
        pid = container.pid
        with MemoryWatch(pid) if pid else nullcontext() as memory:
            line = b""
            for stream, data in container.output():
                if stream != STDOUT:
                    log.write(data)
                    continue
                *lines, line = (line + data).split(b"\n")
                for complete in lines:
                    text = complete.decode("utf-8", errors="replace")
                    emit(as_event(job.task, job.request.stage, text))
            end = container.wait()
        return end, memory.peak_bytes if memory else 0


def _take_result(request: Request) -> Result | None:
    """The result, moved from the scratch folder to the request's path."""
    left = request.scratch / RESULT
    if left.exists():
        shutil.move(left, request.result)
    return read_result(request.result)


def _unwritable(client: DockerClient, setup: Setup) -> str:
    """The first path inside that should be writable and is not; tried after a crash only."""
    test = "; ".join(f"test -w {path} || echo {path}" for path in sorted(setup.writable))
    probe = replace(setup, entrypoint=("/bin/sh", "-c"), command=(test,))
    with Container(client, probe, threading.Event()) as container:
        said = b"".join(data for stream, data in container.output() if stream == STDOUT)
    return next(iter(said.decode().split()), "")
