"""The emulated board: a real SSH server in this process, on loopback, with a home of its own.

Log-in, commands and file transfer are those of a real board. Only the FPGA is missing: the package
that is pushed holds a cycle-accurate simulator in its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
import socket
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncssh

from bench.boards import MEASURED_ON
from bench.boards.base import KEYS_ONLY, Address, Identity
from bench.errors import BoardError

IDENTITY_FILE = ".bench-board.json"
USER = "xilinx"  # as on PYNQ's images
LOOPBACK = "127.0.0.1"

_CHUNK = 1 << 16
_TIDY_S = 5.0
_KEY_OPTIONS = b"no-pty,no-port-forwarding,no-agent-forwarding,no-x11-forwarding "


class ConfinedSftp(asyncssh.SFTPServer):
    """SFTP that shows the board's home as the whole file system, symbolic links included."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], home: Path) -> None:
        self._home = os.fsencode(home)
        super().__init__(channel, chroot=self._home)

    def map_path(self, path: bytes) -> bytes:
        """The local path for `path`; refused when a link leads out of the home."""
        local = super().map_path(path)
        if os.path.commonpath([os.path.realpath(local), self._home]) != self._home:
            raise asyncssh.SFTPPermissionDenied("This path leads out of the home folder")
        return local


@asynccontextmanager
async def emulated_board(
    board: str, part: str, parent: Path, sftp: type[ConfinedSftp] = ConfinedSftp
) -> AsyncIterator[Address]:
    """Run an emulated board with fresh keys, its home in `parent`; nothing is left afterwards."""
    with temporary_home(Identity(board=board, part=part, measured_on=MEASURED_ON), parent) as home:
        client_key = asyncssh.generate_private_key("ssh-ed25519")
        async with serve(home, client_key.convert_to_public(), sftp=sftp) as address:
            yield replace(address, client_keys=(client_key,))


@contextlib.contextmanager
def temporary_home(identity: Identity, parent: Path | None = None) -> Iterator[Path]:
    """A home folder for a board, made in `parent` or among temporary files; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="board-", dir=parent) as folder:
        home = Path(folder).resolve()
        prepare_home(home, identity)
        yield home


@asynccontextmanager
async def serve(
    home: Path,
    client_key: asyncssh.SSHKey,
    port: int = 0,
    sftp: type[ConfinedSftp] = ConfinedSftp,
) -> AsyncIterator[Address]:
    """Serve a board with the given home, which stays, on loopback and with a fresh host key.

    Args:
        home: Its home folder.
        client_key: The public key that may log in; the address that is yielded has no private key.
        port: 0 for any free port.
        sftp: The file transfer; tests pass one with faults.
    """
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    machine = _Machine(home)
    allowed = _KEY_OPTIONS + client_key.export_public_key()
    server = await asyncssh.listen(
        sock=listening_socket(port),
        server_factory=partial(_Server, machine),
        server_host_keys=[host_key],
        authorized_client_keys=asyncssh.import_authorized_keys(allowed.decode()),
        process_factory=machine.serve,
        sftp_factory=partial(sftp, home=home),
        allow_scp=False,
        allow_pty=False,
        agent_forwarding=False,
        **KEYS_ONLY,
        encoding=None,
        login_timeout=15,
    )
    try:
        yield Address(
            host=LOOPBACK,
            port=server.get_port(),
            user=USER,
            host_key=host_key.convert_to_public(),
            client_keys=(),
        )
    finally:
        server.close()
        await machine.shut_down()
        await server.wait_closed()


def listening_socket(port: int) -> socket.socket:
    """A socket bound to `port` of loopback.

    Raises:
        BoardError: The port is in use, or needs root.
    """
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
    except OSError as error:
        bound.close()
        raise BoardError(
            f"No board can answer at port {port} of this machine: {error.strerror}.",
            "Name another port with --port; 0 takes any free port.",
        ) from error
    return bound


def prepare_home(home: Path, identity: Identity) -> None:
    """Fill the home with the board's identity and a bare `python3`, this interpreter."""
    (home / IDENTITY_FILE).write_text(identity.model_dump_json() + "\n", encoding="utf-8")
    (home / "tmp").mkdir()
    python = home / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S "$@"\n', encoding="utf-8"
    )
    python.chmod(0o700)


class _Server(asyncssh.SSHServer):
    """Keeps a list of the open connections."""

    def __init__(self, machine: _Machine) -> None:
        self._machine = machine

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._machine.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._machine.connections.discard(self._connection)


class _Machine:
    """Runs commands for SSH sessions, each in a process group that ends with its session."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._environment = {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": f"{home / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "TMPDIR": str(home / "tmp"),
            "USER": USER,
        }
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._sessions: set[asyncio.Task[None]] = set()

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the command that a client asked for."""
        session = asyncio.current_task()
        assert session is not None
        self._sessions.add(session)
        try:
            if process.command is None:
                process.stderr.write(b"This board runs commands only.\n")
                process.exit(1)
            else:
                await self._execute(process, process.command)
        finally:
            self._sessions.discard(session)

    async def shut_down(self) -> None:
        """Cut all connections and wait until every process is gone."""
        for connection in list(self.connections):
            connection.abort()
        if self._sessions:
            await asyncio.wait(list(self._sessions), timeout=2 * _TIDY_S)
        for session in list(self._sessions):
            session.cancel()
        if self._sessions:
            await asyncio.wait(list(self._sessions))

    async def _execute(self, process: asyncssh.SSHServerProcess[bytes], command: str) -> None:
        child = await asyncio.create_subprocess_shell(
            command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=self._home,
            env=self._environment,
            start_new_session=True,
        )
        working = asyncio.create_task(_attend(process, child))
        gone = asyncio.create_task(process.wait_closed())
        try:
            await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not working.done():
                # As with a real server, a command sees its input close and may tidy up.
                _kill_group(child, signal.SIGTERM)
                await asyncio.wait({working}, timeout=_TIDY_S)
            _kill_group(child, signal.SIGKILL)
            await working
            gone.cancel()
        status = working.result()
        if status < 0:
            process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
        else:
            process.exit(status)


async def _attend(process: asyncssh.SSHServerProcess[bytes], child: Process) -> int:
    """Pass the streams on until the command ends; returns its status, negative for a signal."""
    assert child.stdout is not None
    assert child.stderr is not None
    feeding = asyncio.create_task(_feed(process, child))
    try:
        await asyncio.gather(
            _copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr)
        )
        return await child.wait()
    finally:
        feeding.cancel()


async def _feed(process: asyncssh.SSHServerProcess[bytes], child: Process) -> None:
    """Standard input, and signals."""
    assert child.stdin is not None
    with contextlib.suppress(ConnectionError):
        while True:
            try:
                data = await process.stdin.read(_CHUNK)
            except asyncssh.SignalReceived as received:
                _kill_group(child, signal.Signals[f"SIG{received.signal}"])
                continue
            if not data:
                break
            child.stdin.write(data)
            await child.stdin.drain()
        child.stdin.close()


async def _copy(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    """Pass a stream on; once the reader is gone, only drain it."""
    listening = True
    while data := await source.read(_CHUNK):
        if listening:
            try:
                sink.write(data)
                await sink.drain()
            except (OSError, asyncssh.Error):
                listening = False


def _kill_group(child: Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)
