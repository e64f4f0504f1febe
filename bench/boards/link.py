"""An SSH connection to a board: keys only, one accepted host key, none of the user's settings."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import asyncssh
from pydantic import BaseModel, ValidationError

from bench.boards.base import KEYS_ONLY, Address, Completed, Log, Refusal
from bench.boards.faults import explained
from bench.errors import BoardError

Document = TypeVar("Document", bound=BaseModel)

_LARGEST_STDOUT = 1 << 20
_CHUNK = 1 << 16
_KEPT_LINES = 15
# Should we be cut off, the board itself ends a command this long after its limit.
_GRACE_S = 10


@dataclass(frozen=True)
class Limits:
    """Time-outs in seconds.

    Attributes:
        connect: From the first packet to the end of the log-in.
        command: Short commands of our own.
        clean: Removing the folder; an interrupt waits for it.
        transfer: A push or a fetch.
        busy: Waiting for a board that another run uses.
    """

    connect: float = 15.0
    command: float = 30.0
    clean: float = 10.0
    transfer: float = 600.0
    busy: float = 3600.0


@asynccontextmanager
async def open_link(
    address: Address, log: Log, limits: Limits | None = None
) -> AsyncIterator[Link]:
    """A connection to a board, closed afterwards.

    Raises:
        BoardError: The board cannot be reached or refuses the key.
    """
    limits = limits or Limits()
    async with explained(str(address), "connecting", limits.connect):
        connection = await asyncssh.connect(
            address.host,
            address.port,
            username=address.user,
            known_hosts=([address.host_key], [], []),
            client_keys=list(address.client_keys) or (),
            agent_path=address.agent_path,
            preferred_auth="publickey",
            keepalive_interval=5,
            keepalive_count_max=3,
            **KEYS_ONLY,
        )
    log(f"connected to {address}, host key {address.host_key.get_fingerprint()}")
    try:
        yield Link(connection, str(address), log)
    finally:
        connection.close()
        try:
            async with asyncio.timeout(2):
                await connection.wait_closed()
        except TimeoutError:
            connection.abort()


class Link:
    """Runs commands on a board; every step is a line in `log`."""

    def __init__(self, connection: asyncssh.SSHClientConnection, name: str, log: Log) -> None:
        self.connection = connection
        self.name = name
        self.log = log

    async def run(
        self,
        command: Sequence[str],
        limit_s: float,
        on_line: Log | None = None,
        folder: str | None = None,
        stdin: bytes | None = None,
    ) -> Completed:
        """Run a command, which no shell interprets, and kill it after `limit_s` seconds.

        Args:
            command: Program and arguments.
            limit_s: The time-out in seconds.
            on_line: Takes each line of standard error; by default the log.
            folder: By default the home folder.
            stdin: Content of standard input, which otherwise stays open.
        """
        words = shlex.join(command)
        self.log(f"$ {words}")
        place = f"cd {shlex.quote(folder)} && " if folder else ""
        async with explained(self.name, f"running `{words}`", limit_s):
            process = await self.connection.create_process(
                f"{place}exec timeout -k 1 {limit_s + _GRACE_S} {words}", encoding=None
            )
            try:
                if stdin is not None:
                    process.stdin.write(stdin)
                    process.stdin.write_eof()
                return await self._collect(process, on_line or self.log)
            finally:
                end(process)

    async def _collect(self, process: asyncssh.SSHClientProcess[bytes], on_line: Log) -> Completed:
        last: deque[str] = deque(maxlen=_KEPT_LINES)
        try:
            async with asyncio.TaskGroup() as streams:
                reading = streams.create_task(self._read_stdout(process.stdout))
                streams.create_task(pass_lines(process.stderr, on_line, last))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        await process.wait_closed()
        status = process.returncode
        if status is None:
            raise asyncssh.ConnectionLost("closed before the command ended")
        stdout = reading.result().decode(errors="replace")
        return Completed(status=status, stdout=stdout, errors=tuple(last))

    async def _read_stdout(self, reader: asyncssh.SSHReader[bytes]) -> bytes:
        stdout = bytearray()
        while chunk := await reader.read(_CHUNK):
            stdout += chunk
            if len(stdout) > _LARGEST_STDOUT:
                raise garbage(self.name, "a command", stdout.decode(errors="replace"))
        return bytes(stdout)


def end(process: asyncssh.SSHClientProcess[bytes]) -> None:
    """Close the channel; what still runs is told to stop, by signal and by end of input."""
    if process.returncode is None:
        with contextlib.suppress(OSError):
            process.terminate()
    process.close()


async def pass_lines(reader: asyncssh.SSHReader[bytes], on_line: Log, last: deque[str]) -> None:
    """Hand each line to `on_line` as it comes, and keep the last lines."""
    rest = b""
    while chunk := await reader.read(_CHUNK):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _CHUNK:
            lines, rest = [*lines, rest], b""
        for line in lines:
            _pass_line(line, on_line, last)
    if rest:
        _pass_line(rest, on_line, last)


def _pass_line(line: bytes, on_line: Log, last: deque[str]) -> None:
    text = line.decode(errors="replace")
    last.append(text)
    on_line(text)


def read_document(kind: type[Document], done: Completed, board: str) -> Document:
    """The JSON document that docker/board/bench_board.py printed.

    Raises:
        BoardError: It is an error, another document, or no document at all.
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
    """The error for a command that failed."""
    ended = f"with status {done.status}" if done.status >= 0 else f"by signal {-done.status}"
    said = "\n".join(done.errors) or "(no message)"
    missing = done.status == 127  # as shells return for a program that they cannot find
    remedy = f"Install {program} on the board." if missing else "The log has all of its output."
    return BoardError(f"`{program}` on {board} ended {ended}:\n{said}", remedy)


def garbage(board: str, source: str, text: str) -> BoardError:
    """The error for standard output that is not one JSON document."""
    shown = text[:200].encode("unicode_escape").decode() or "nothing"
    return BoardError(
        f"{source.capitalize()} on {board} printed something other than one JSON document: {shown}",
        "Make sure that the board's shell prints nothing when a command runs "
        "(look into ~/.bashrc and /etc/profile.d there).",
    )
