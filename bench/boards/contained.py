"""The emulated board as a container: OpenSSH's own server, reached on loopback.

Its host key is made inside and never leaves it; what it prints of that comes through the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace

import asyncssh
from docker.client import DockerClient
from docker.errors import NotFound
from docker.utils.socket import STDOUT

from bench.boards.base import Address, Identity, Log
from bench.boards.emulated import LOOPBACK, USER
from bench.errors import EnvironmentFailure
from bench.images.build import Image
from bench.images.cleanup import owner_label
from bench.images.engine import LABEL, engine
from bench.images.network import ensure_network
from bench.runners.container import Container, Setup
from bench.runners.docker import DockerRunner
from bench.runners.host import HostReporter
from bench.runners.limits import Limits
from bench.runners.wire import Request
from bench.system.listening import TimedOut
from bench.system.locks import Cancelled

KIND = "board"  # the value of our label
NETWORK = f"{LABEL}-{KIND}"
# Containers on it reach neither each other nor, without address translation, the outside.
_CLOSED = {
    "com.docker.network.bridge.enable_icc": "false",
    "com.docker.network.bridge.enable_ip_masquerade": "false",
    "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
}
_PORT = 2222
_OWNER = "1000:1000"  # as in docker/board/Dockerfile
_HOME_BYTES = 2 << 30
_ANSWER_S = 60
_KEPT_BYTES = 2000
_TRIES = 5


@dataclass(frozen=True)
class ContainedBoard:
    """The settings of a board in a container.

    Attributes:
        key: The public key that may log in.
        port: The port on loopback; 0 for any free port.
    """

    identity: Identity
    key: asyncssh.SSHKey
    cpus: int
    limits: Limits
    port: int = 0


@asynccontextmanager
async def emulated_in_container(
    runner: DockerRunner, identity: Identity, request: Request, reporter: HostReporter
) -> AsyncIterator[Address]:
    """Run an emulated board for a stage, with fresh keys; see `bench.boards.measure.Emulator`.

    Raises:
        EnvironmentFailure: There is no engine, no image, or the server did not start.
        Cancelled: The run was interrupted.
    """
    image = await asyncio.to_thread(runner.image, "board", reporter.emit, reporter.cancelled)
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    wanted = ContainedBoard(identity, client_key.convert_to_public(), request.cpus, runner.limits)
    with contained(image, wanted, reporter.log, reporter.cancelled) as address:
        yield replace(address, client_keys=(client_key,))


@contextmanager
def contained(
    image: Image, wanted: ContainedBoard, log: Log, cancelled: threading.Event
) -> Iterator[Address]:
    """Run a board in a container, which is removed afterwards, also when this process is killed.

    `log` is called from another thread. The address has no key to log in with.
    """
    with engine(_ANSWER_S) as client, _started(client, image, wanted, cancelled) as container:
        frames = container.output()
        host_key = _wait_for_server(frames, log)
        # Unread, the server would block once the pipe is full.
        reading = threading.Thread(target=_pass_on, args=(frames, log), daemon=True)
        reading.start()
        yield Address(
            host=LOOPBACK, port=container.port, user=USER, host_key=host_key, client_keys=()
        )
    reading.join()


@contextmanager
def _started(
    client: DockerClient, image: Image, wanted: ContainedBoard, cancelled: threading.Event
) -> Iterator[Container]:
    """The board's container on the network of the boards.

    Until a container uses the network, it may be removed, for example by `bench doctor --clean`
    in another window; it is then made again.
    """
    with ExitStack() as stack:
        for tries_left in reversed(range(_TRIES)):
            network = ensure_network(client, NETWORK, KIND, _CLOSED, cancelled)
            setup = _setup(image, wanted, network)
            try:
                container = stack.enter_context(Container(client, setup, cancelled))
                break
            except NotFound as error:
                if network not in str(error) or not tries_left:
                    raise
        yield container


def _setup(image: Image, wanted: ContainedBoard, network: str) -> Setup:
    key = wanted.key.export_public_key().decode().strip()
    uid, gid = _OWNER.split(":")
    home = f"rw,nosuid,nodev,exec,size={_HOME_BYTES},uid={uid},gid={gid},mode=700"
    return Setup(
        image=image.id,
        command=(),
        user=_OWNER,
        variables={
            "BOARD": wanted.identity.board,
            "PART": wanted.identity.part,
            "AUTHORIZED_KEY": f"restrict {key}",
        },
        mounts={},
        writable=frozenset(),
        labels={LABEL: KIND, **owner_label()},
        cpus=wanted.cpus,
        limits=wanted.limits,
        network=network,
        tmpfs={f"/home/{USER}": home},
        publish=(_PORT, wanted.port),
        auto_remove=True,
    )


def _wait_for_server(frames: Iterator[tuple[int, bytes]], log: Log) -> asyncssh.SSHKey:
    """The server's host key, once it listens.

    Raises:
        EnvironmentFailure: The container ended before.
    """
    printed = said = b""
    for stream, data in frames:
        if stream == STDOUT:
            printed += data
        else:
            said += data
            _log(data, log)
        if printed.endswith(b"\n") and b"Server listening" in said:
            return asyncssh.import_public_key(printed)
    raise EnvironmentFailure(
        "The emulated board's container ended before its SSH server was up: "
        f"{said[-_KEPT_BYTES:].decode(errors='replace').strip() or '(no message)'}",
        "Read the log, then rerun; --runner venv emulates the board without a container.",
    )


def _pass_on(frames: Iterator[tuple[int, bytes]], log: Log) -> None:
    with contextlib.suppress(Cancelled, TimedOut):
        for _, data in frames:
            _log(data, log)


def _log(data: bytes, log: Log) -> None:
    for line in data.decode(errors="replace").splitlines():
        log(f"board: {line.rstrip()}")
