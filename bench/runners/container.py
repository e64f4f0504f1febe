"""Run a container with as few rights as possible, follow it, and always remove it."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from docker.client import DockerClient
from docker.errors import APIError, NotFound
from docker.types import DeviceRequest, Mount
from docker.utils.socket import frames_iter
from requests.exceptions import RequestException

from bench.runners.limits import Limits
from bench.system.listening import TimedOut, listen

STOP_SECONDS = 3
END_SECONDS = 30
KILLED = 128 + signal.SIGKILL
TMP_BYTES = 256 << 20
ALL_GPUS = DeviceRequest(count=-1, capabilities=[["gpu"]])


@dataclass(frozen=True)
class Setup:
    """The settings of a container.

    Attributes:
        command: Arguments of the image's entry point.
        user: `uid:gid`.
        variables: Environment variables beside the image's own.
        mounts: Folders and files of the host, by path inside.
        writable: Paths inside that are mounted writable.
        network: `none`, `bridge` for a stage that needs a licence server, or a network's name.
        entrypoint: Program instead of the image's own.
        tmpfs: Options of further file systems in memory, by path inside.
        publish: A port inside, and the port on loopback that leads to it, 0 for any free port.
        auto_remove: Whether the engine removes the container as soon as it ends.
    """

    image: str
    command: Sequence[str]
    user: str
    variables: Mapping[str, str]
    mounts: Mapping[str, Path]
    writable: frozenset[str]
    labels: Mapping[str, str]
    cpus: int
    limits: Limits = field(default_factory=Limits)
    gpus: bool = False
    network: str = "none"
    entrypoint: Sequence[str] | None = None
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    publish: tuple[int, int] | None = None
    auto_remove: bool = False


@dataclass(frozen=True)
class End:
    """How a container ended.

    Attributes:
        status: Exit status, 128 plus the signal when one killed it.
        out_of_memory: Whether the kernel killed something in it at the memory limit.
    """

    status: int
    out_of_memory: bool

    @property
    def signed_status(self) -> int:
        """The status as `subprocess` has it: negative for the signal that killed it."""
        number = self.status - 128
        return -number if number in set(signal.Signals) else self.status


class Container:
    """A container that ends with the orchestrator, and is removed on leaving the context.

    Its standard input closes when the orchestrator dies, in whatever way; a worker with
    `stop_on_eof` stops then. Setting `cancelled` ends the container.
    """

    def __init__(self, client: DockerClient, setup: Setup, cancelled: threading.Event) -> None:
        self._api = client.api
        self._setup = setup
        self._cancelled = cancelled
        self._id = ""
        self._socket: Any = None
        self._deadline = 0.0

    def __enter__(self) -> Self:
        try:
            self._id = self._api.create_container(**_creation(self._api, self._setup))["Id"]
            # Attached before it starts, so that nothing it prints is missed.
            attached = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self._socket = self._api.attach_socket(self._id, params=attached)
            self._api.start(self._id)
            self._deadline = time.monotonic() + self._setup.limits.seconds
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    @property
    def pid(self) -> int:
        """The id of its first process here; 0 if it runs on another machine or has ended."""
        try:
            pid = int(self._api.inspect_container(self._id)["State"]["Pid"])
            group = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
        except (OSError, NotFound):
            return 0
        return pid if self._id in group else 0

    @property
    def port(self) -> int:
        """The loopback port of this machine that leads to the published port."""
        assert self._setup.publish is not None
        ports = self._api.inspect_container(self._id)["NetworkSettings"]["Ports"]
        return int(ports[f"{self._setup.publish[0]}/tcp"][0]["HostPort"])

    def output(self) -> Iterator[tuple[int, bytes]]:
        """What it prints, as (stream, bytes), until it ends.

        Raises:
            Cancelled: `cancelled` was set.
            TimedOut: It exceeded its time limit and is stopped.
        """
        try:
            yield from listen(self._frames(), self._cancelled, self._deadline)
        except TimedOut:
            self._api.stop(self._id, timeout=STOP_SECONDS)
            raise

    def wait(self) -> End:
        """Wait for its end, soon after that of its output."""
        try:
            self._api.wait(self._id, timeout=END_SECONDS)
            state = self._api.inspect_container(self._id)["State"]
        except NotFound:
            return End(KILLED, out_of_memory=False)  # removed from outside, which kills it
        return End(int(state["ExitCode"]), bool(state["OOMKilled"]))

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        """Its output until the connection closes: the container ended, or was removed."""
        with contextlib.suppress(OSError, ValueError):
            yield from frames_iter(self._socket, tty=False)  # type: ignore[no-untyped-call]

    def _remove(self) -> None:
        if self._id:
            # Removed by somebody else, or the engine is gone: the next run looks again.
            with contextlib.suppress(APIError, RequestException):
                self._api.remove_container(self._id, force=True, v=True)
            if self._setup.auto_remove:  # the engine may be removing it already
                with contextlib.suppress(APIError, RequestException):
                    self._api.wait(self._id, timeout=END_SECONDS, condition="removed")
        if self._socket is not None:
            self._socket.close()


def _creation(api: Any, setup: Setup) -> dict[str, Any]:
    """The arguments of the API's `create_container`."""
    mounts = [
        Mount(
            target=inside, source=str(outside), type="bind", read_only=inside not in setup.writable
        )
        for inside, outside in setup.mounts.items()
    ]
    inside, outside = setup.publish or (0, 0)
    loopback = ("127.0.0.1", outside) if outside else ("127.0.0.1",)
    return {
        "image": setup.image,
        "command": list(setup.command),
        "entrypoint": list(setup.entrypoint) if setup.entrypoint else None,
        "user": setup.user,
        "environment": dict(setup.variables),
        "labels": dict(setup.labels),
        "hostname": "bench",
        "stdin_open": True,
        "ports": [inside] if setup.publish else None,
        "host_config": api.create_host_config(
            mounts=mounts,
            network_mode=setup.network,
            read_only=True,
            tmpfs={"/tmp": f"rw,nosuid,nodev,noexec,size={TMP_BYTES},mode=1777", **setup.tmpfs},
            port_bindings={inside: loopback} if setup.publish else None,
            auto_remove=setup.auto_remove,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            init=True,
            ipc_mode="private",
            mem_limit=setup.limits.memory_bytes,
            memswap_limit=setup.limits.memory_bytes,
            nano_cpus=setup.cpus * 1_000_000_000,
            pids_limit=setup.limits.processes,
            log_config={"Type": "none"},
            device_requests=[ALL_GPUS] if setup.gpus else None,
        ),
    }
