"""A board behind SSH: key-only, with exactly one host key accepted and no user's settings."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shlex
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import asyncssh
from pydantic import BaseModel, ValidationError

from bench.boards import transfer
from bench.boards.base import Address, Completed, Log, Probe, Pushed, Refusal
from bench.boards.faults import explained
from bench.errors import BoardError
from bench.paths import ROOT

BOARD_PROGRAM = ROOT / "docker" / "board" / "bench_board.py"

Document = TypeVar("Document", bound=BaseModel)

_LARGEST_STDOUT = 1 << 20
_CHUNK = 1 << 16
_KEPT_LINES = 15
# Should we be cut off, the board itself ends a command this long after its limit.
_GRACE_S = 10


@dataclass(frozen=True)
class Limits:
    """How long things may take, in seconds.

    Attributes:
        connect: From the first packet to the end of the log-in.
        command: Short commands of our own.
        clean: Removing the folder; an interrupt waits for it.
        transfer: One push or one fetch.
    """

    connect: float = 15.0
    command: float = 30.0
    clean: float = 10.0
    transfer: float = 600.0


@asynccontextmanager
async def open_board(
    address: Address, log: Log, limits: Limits | None = None
) -> AsyncIterator[SshBoard]:
    """A session on a board, with a private folder there that is gone afterwards.

    Args:
        address: Where the board is.
        log: Takes a line for everything that is done.
        limits: Time-outs; the usual ones when left out.

    Raises:
        BoardError: It could not be reached or does not accept us.
    """
    limits = limits or Limits()
    connection = await _connect(address, limits)
    log(f"connected to {address}, host key {address.host_key.get_fingerprint()}")
    try:
        async with explained(str(address), "opening the file transfer", limits.connect):
            sftp = await connection.start_sftp_client()
        board = SshBoard(connection, sftp, address, log, limits)
        try:
            await board.prepare()
            yield board
        except BaseException:
            await _clean_quietly(board, log)
            raise
        await board.clean()
    finally:
        await _hang_up(connection)


async def _connect(address: Address, limits: Limits) -> asyncssh.SSHClientConnection:
    async with explained(str(address), "connecting", limits.connect):
        return await asyncssh.connect(
            address.host,
            address.port,
            username=address.user,
            known_hosts=([address.host_key], [], []),
            client_keys=[address.client_key],
            preferred_auth="publickey",
            # No settings, agents, certificates or passwords of the user's may slip in.
            config=None,
            agent_path=None,
            x509_trusted_certs=None,
            gss_kex=False,
            gss_auth=False,
            host_based_auth=False,
            kbdint_auth=False,
            password_auth=False,
            keepalive_interval=5,
            keepalive_count_max=3,
            compression_algs=["none"],
        )


async def _hang_up(connection: asyncssh.SSHClientConnection) -> None:
    connection.close()
    try:
        async with asyncio.timeout(2):
            await connection.wait_closed()
    except TimeoutError:
        connection.abort()


async def _clean_quietly(board: SshBoard, log: Log) -> None:
    """Clean up; a fault in that must not hide the one that ended the session."""
    try:
        await board.clean()
    except BoardError as error:
        log(f"the folder {board.folder} may be left in the home folder of the board: {error.what}")


class SshBoard:
    """`bench.boards.base.Board` over one SSH connection; made by `open_board`."""

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        sftp: asyncssh.SFTPClient,
        address: Address,
        log: Log,
        limits: Limits,
    ) -> None:
        self._connection = connection
        self._sftp = sftp
        self._name = str(address)
        self._log = log
        self._limits = limits
        # Relative to the home folder: SFTP servers may show other absolute paths than shells.
        self.folder = f".bench-{secrets.token_hex(8)}"

    async def prepare(self) -> None:
        """Make the private folder."""
        async with explained(self._name, "making a folder", self._limits.command):
            await self._sftp.mkdir(self.folder, asyncssh.SFTPAttrs(permissions=0o700))

    async def probe(self) -> Probe:
        """See `Board.probe`. Needs nothing on the board but `python3`."""
        program = BOARD_PROGRAM.read_bytes()
        done = await self._run(("python3", "-", "--probe"), self._limits.command, stdin=program)
        return read_document(Probe, done, self._name)

    async def push(self, files: Mapping[str, Path]) -> Pushed:
        """See `Board.push`."""
        wanted = await asyncio.to_thread(
            lambda: {name: transfer.sha256(path) for name, path in files.items()}
        )
        there = await self._checksums()
        changed = {n: path for n, path in files.items() if there.get(n) != wanted[n]}
        if not changed:
            self._log(f"push: all {len(files)} files are there already")
            return Pushed((), 0)
        async with explained(self._name, "pushing files", self._limits.transfer):
            size = await transfer.send(self._sftp, self._name, self.folder, changed)
        there = await self._checksums()
        for name in changed:
            if there.get(name) != wanted[name]:
                raise _corrupted(self._name, name)
            self._log(f"push: {name} {wanted[name]}")
        self._log(f"push: {len(changed)} of {len(files)} files, {size} bytes")
        return Pushed(tuple(changed), size)

    async def run(
        self, command: Sequence[str], limit_s: float, on_line: Log | None = None
    ) -> Completed:
        """See `Board.run`. The command's standard input stays open until it ends."""
        return await self._run(command, limit_s, on_line)

    async def fetch(self, name: str, target: Path) -> None:
        """See `Board.fetch`."""
        checksum = (await self._checksums(name)).get(name)
        part = target.with_name(target.name + ".part")
        async with explained(self._name, f"fetching {name}", self._limits.transfer):
            await self._sftp.get(f"{self.folder}/{name}", part)
        if await asyncio.to_thread(transfer.sha256, part) != checksum:
            part.unlink()
            raise _corrupted(self._name, name)
        part.replace(target)
        self._log(f"fetch: {name} {checksum}, {target.stat().st_size} bytes")

    async def clean(self) -> None:
        """See `Board.clean`."""
        script = f"cd .. && rm -rf -- {self.folder}"
        done = await self._run(("sh", "-c", script), self._limits.clean)
        if done.status:
            raise command_failed(self._name, "rm", done)

    async def _checksums(self, name: str = ".") -> dict[str, str]:
        """SHA-256 of the folder's files by relative name, computed on the board."""
        command = ("find", name, "-type", "f", "-exec", "sha256sum", "{}", "+")
        done = await self._run(command, self._limits.transfer, self._log)
        if done.status:
            raise command_failed(self._name, "sha256sum", done)
        return transfer.parse_checksums(done.stdout)

    async def _run(
        self,
        command: Sequence[str],
        limit_s: float,
        on_line: Log | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        words = shlex.join(command)
        self._log(f"$ {words}")
        async with explained(self._name, f"running `{words}`", limit_s):
            process = await self._connection.create_process(
                f"cd {self.folder} && exec timeout -k 1 {limit_s + _GRACE_S} {words}", encoding=None
            )
            try:
                if stdin is not None:
                    process.stdin.write(stdin)
                    process.stdin.write_eof()
                return await self._collect(process, on_line or self._log)
            finally:
                await self._end(process)

    async def _collect(self, process: asyncssh.SSHClientProcess[bytes], on_line: Log) -> Completed:
        last: deque[str] = deque(maxlen=_KEPT_LINES)
        try:
            async with asyncio.TaskGroup() as streams:
                reading = streams.create_task(self._read_stdout(process.stdout))
                streams.create_task(_lines(process.stderr, on_line, last))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        await process.wait_closed()
        status = process.returncode
        if status is None:
            raise asyncssh.ConnectionLost("closed before the command ended")
        return Completed(status, reading.result().decode(errors="replace"), tuple(last))

    async def _read_stdout(self, reader: asyncssh.SSHReader[bytes]) -> bytes:
        stdout = bytearray()
        while chunk := await reader.read(_CHUNK):
            stdout += chunk
            if len(stdout) > _LARGEST_STDOUT:
                raise garbage(self._name, "a command", stdout.decode(errors="replace"))
        return bytes(stdout)

    async def _end(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        """Close the channel; what still runs is told to stop, by signal and by end of input."""
        if process.returncode is None:
            with contextlib.suppress(OSError):
                process.terminate()
        process.close()


async def _lines(reader: asyncssh.SSHReader[bytes], on_line: Log, last: deque[str]) -> None:
    """Hand each line to `on_line` as it comes, and keep the last ones."""
    rest = b""
    while chunk := await reader.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _CHUNK:
            lines, rest = [*lines, rest], b""
        for line in lines:
            text = line.decode(errors="replace")
            last.append(text)
            on_line(text)
    if rest:
        text = rest.decode(errors="replace")
        last.append(text)
        on_line(text)


def read_document(kind: type[Document], done: Completed, board: str) -> Document:
    """The one JSON document that docker/board/bench_board.py printed.

    Raises:
        BoardError: It is an error, not what was asked for, or no document at all.
    """
    with contextlib.suppress(ValidationError):
        refusal = Refusal.model_validate_json(done.stdout)
        raise BoardError(f"The board refused: {refusal.error}", refusal.remedy)
    if done.status:
        raise command_failed(board, "python3", done)
    try:
        return kind.model_validate_json(done.stdout)
    except ValidationError as error:
        raise garbage(board, "bench_board.py", done.stdout) from error


def command_failed(board: str, program: str, done: Completed) -> BoardError:
    """The error for a command that ended badly."""
    ended = f"with status {done.status}" if done.status >= 0 else f"by signal {-done.status}"
    said = "\n".join(done.errors) or "(no message)"
    missing = 127  # what shells return for a program they cannot find
    remedy = (
        f"Install {program} on the board."
        if done.status == missing
        else "The log holds all that the board said."
    )
    return BoardError(f"`{program}` on {board} ended {ended}:\n{said}", remedy)


def garbage(board: str, source: str, text: str) -> BoardError:
    """The error for standard output that is not what was asked for."""
    shown = text[:200].encode("unicode_escape").decode() or "nothing"
    return BoardError(
        f"{source.capitalize()} on {board} printed something other than one JSON document: {shown}",
        "Make sure that the board's shell prints nothing when a command runs "
        "(look into ~/.bashrc and /etc/profile.d there).",
    )


def _corrupted(board: str, name: str) -> BoardError:
    return BoardError(
        f"{name} arrived damaged on its way to or from {board}: its SHA-256 differs.",
        "Rerun; if it happens again, check the board's disk or SD card.",
    )
