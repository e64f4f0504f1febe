"""The host's side of docker/board/agent.py: the board's lock, a private folder, a cache."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import json
import platform
import shlex
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncssh

from bench.boards.base import Completed
from bench.boards.faults import disk_full, explained
from bench.boards.link import Limits, Link, command_failed, end, garbage, pass_lines
from bench.errors import BoardError
from bench.paths import ROOT

AGENT_PROGRAM = ROOT / "docker" / "board" / "agent.py"

HEARTBEAT_S = 5.0
_ASK_AGAIN_S = 1.0
_CHUNK = 1 << 16
_LARGEST_ANSWER = 1 << 22


@asynccontextmanager
async def keep(
    link: Link, session: str, limits: Limits, on_wait: Callable[[str], None]
) -> AsyncIterator[Agent]:
    """Hold the board, with a private folder, named `session`, that is removed afterwards.

    `on_wait` is told once who has the board, if it is in use.

    Raises:
        BoardError: The board stayed busy, or its home folder cannot be written.
    """
    agent = await _take(link, session, limits, on_wait)
    heartbeats = asyncio.create_task(agent.send_heartbeats())
    try:
        yield agent
    except BaseException:
        try:
            await agent.release()
        except BoardError as error:  # must not hide the error that ended the session
            link.log(f"not cleaned up, the next run on the board will do so: {error.what}")
        raise
    else:
        await agent.release()
    finally:
        heartbeats.cancel()


async def _take(link: Link, session: str, limits: Limits, on_wait: Callable[[str], None]) -> Agent:
    told = False
    deadline = asyncio.get_running_loop().time() + limits.busy
    while True:
        agent = await Agent.start(link, session, limits)
        if not agent.busy:
            return agent
        if not told:
            on_wait(f"{link.name} is in use by {agent.busy}; waiting for it")
            told = True
        if asyncio.get_running_loop().time() > deadline:
            raise BoardError(
                f"{link.name} has been in use by {agent.busy} for {limits.busy:g} s.",
                "Wait for that run to end, or name another board.",
            )
        await asyncio.sleep(min(_ASK_AGAIN_S, limits.busy))


class Agent:
    """A running agent; made by `keep`.

    Attributes:
        folder: The session's folder, absolute as the board's shell sees it.
        busy: Who has the board; None when it is ours.
    """

    def __init__(
        self, link: Link, process: asyncssh.SSHClientProcess[bytes], limits: Limits
    ) -> None:
        self._link = link
        self._process = process
        self._limits = limits
        self._errors: deque[str] = deque(maxlen=15)
        self._listening = asyncio.create_task(pass_lines(process.stderr, link.log, self._errors))
        self._turn = asyncio.Lock()
        self._rest = b""
        self.folder = ""
        self.busy: str | None = None

    @classmethod
    async def start(cls, link: Link, session: str, limits: Limits) -> Agent:
        """Ask for the board once; see `busy` for the answer."""
        holder = f"{getpass.getuser()} on {platform.node()}"
        code = AGENT_PROGRAM.read_text(encoding="utf-8")
        link.log(f"$ python3 -c <{AGENT_PROGRAM.name}> {session}")
        async with explained(link.name, "taking the board", limits.command):
            process = await link.connection.create_process(
                shlex.join(["exec", "python3", "-c", code, session, holder]), encoding=None
            )
            agent = cls(link, process, limits)
            try:
                answer = await agent._read()
            except BaseException:
                agent._close()
                raise
        if answer.get("leftovers"):
            link.log(f"removed what earlier runs left on the board: {answer['leftovers']}")
        agent.folder, agent.busy = str(answer.get("held", "")), answer.get("busy")
        if agent.busy:
            agent._close()
        return agent

    async def ask(self, doing: str, limit_s: float, **request: Any) -> dict[str, Any]:
        """The agent's answer to a request of docker/board/agent.py; `doing` says what it is for.

        Raises:
            BoardError: The request failed, or the connection is lost.
        """
        async with explained(self._link.name, doing, limit_s), self._turn:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            return await self._read()

    async def send_heartbeats(self) -> None:
        """Tell the agent every few seconds that this run is alive."""
        with contextlib.suppress(OSError):
            while True:
                await asyncio.sleep(HEARTBEAT_S)
                self._process.stdin.write(b'{"do": "heartbeat"}\n')

    async def release(self) -> None:
        """Release the board; its folder is removed when this returns."""
        try:
            async with explained(self._link.name, "cleaning up", self._limits.clean):
                self._process.stdin.write_eof()
                await self._process.wait_closed()
                await self._listening
        finally:
            self._close()
        if self._process.returncode:
            raise self._failed()
        if self._process.returncode is None:
            raise BoardError(
                f"The connection to {self._link.name} was lost while cleaning up.",
                "Nothing to do: the next run there cleans up.",
            )

    async def _read(self) -> dict[str, Any]:
        """The next line, which is the answer to the last request."""
        while b"\n" not in self._rest:
            data = await self._process.stdout.read(_CHUNK)
            if not data:
                await self._process.wait_closed()
                if self._process.returncode is None:
                    raise asyncssh.ConnectionLost("closed before the board answered")
                await self._listening
                raise self._failed()
            self._rest += data
            if len(self._rest) > _LARGEST_ANSWER:
                raise garbage(self._link.name, "the shell", self._rest.decode(errors="replace"))
        line, self._rest = self._rest.split(b"\n", 1)
        try:
            answer = json.loads(line)
            error = answer.get("error")
        except (ValueError, AttributeError, RecursionError):
            text = line.decode(errors="replace")
            raise garbage(self._link.name, "the shell", text) from None
        if error:
            if answer.get("full"):
                raise disk_full(self._link.name)
            raise BoardError(
                f"{self._link.name} failed: {error}.",
                "Check the disk and the permissions of the home folder on the board.",
            )
        return dict(answer)

    def _failed(self) -> BoardError:
        done = Completed(
            status=self._process.returncode or 0, stdout="", errors=tuple(self._errors)
        )
        return command_failed(self._link.name, "python3", done)

    def _close(self) -> None:
        end(self._process)
        self._listening.cancel()
