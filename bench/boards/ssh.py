"""A session on a board: files there and back, and commands, over one SSH connection."""

from __future__ import annotations

import asyncio
import secrets
import stat
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from bench.boards import transfer
from bench.boards.agent import Agent, keep
from bench.boards.base import Address, Completed, Log, Probe, Pushed
from bench.boards.faults import disk_full, explained
from bench.boards.link import Limits, Link, open_link, read_document
from bench.errors import BoardError
from bench.paths import ROOT
from bench.store.keys import hash_file

BOARD_PROGRAM = ROOT / "docker" / "board" / "bench_board.py"
# What a run pushes: the program, and its half for real boards, which imports the board's driver.
BOARD_FILES = (BOARD_PROGRAM, BOARD_PROGRAM.with_name("pynq_board.py"))

# Relative to the home folder: SFTP servers may show other absolute paths than shells.
_CACHE = ".bench/cache"
# A part that arrives damaged is sent once more, whole.
_ATTEMPTS = 2


@asynccontextmanager
async def open_board(
    address: Address,
    log: Log,
    limits: Limits | None = None,
    on_wait: Callable[[str], None] | None = None,
) -> AsyncIterator[Board]:
    """A board, ours alone until the end of the block, with a private folder on it.

    `on_wait`, by default `log`, is told once who has the board, if it is in use.

    Raises:
        BoardError: The board cannot be reached, refuses the key, or stayed busy.
    """
    limits = limits or Limits()
    session = secrets.token_hex(8)
    async with (
        open_link(address, log, limits) as link,
        keep(link, session, limits, on_wait or log) as agent,
    ):
        async with explained(link.name, "opening the file transfer", limits.connect):
            sftp = await link.connection.start_sftp_client()
        yield Board(link, sftp, agent, f".bench/sessions/{session}", limits)


def try_login(address: Address) -> None:
    """Log in, and no more.

    Raises:
        BoardError: The board cannot be reached or refuses the key.
    """

    async def there_and_back() -> None:
        async with open_link(address, lambda _: None):
            pass

    asyncio.run(there_and_back())


async def probe(link: Link, limit_s: float) -> Probe:
    """What the board says it is; needs only its `python3`, not its lock."""
    program = BOARD_PROGRAM.read_bytes()
    done = await link.run(("python3", "-", "--probe"), limit_s, stdin=program)
    return read_document(Probe, done, link.name)


@dataclass(frozen=True)
class _File:
    """A file to push."""

    path: Path
    sha256: str
    size: int
    mode: int

    @classmethod
    def read(cls, path: Path) -> _File:
        status = path.stat()
        mode = 0o700 if status.st_mode & stat.S_IXUSR else 0o600
        return cls(path, hash_file(path), status.st_size, mode)


class Board:
    """A board that is ours, with a private `folder`, relative to its home; see `open_board`.

    Every method raises `BoardError`.
    """

    def __init__(
        self, link: Link, sftp: asyncssh.SFTPClient, agent: Agent, folder: str, limits: Limits
    ) -> None:
        self._link = link
        self._sftp = sftp
        self._agent = agent
        self._limits = limits
        self.folder = folder

    async def probe(self) -> Probe:
        """What the board says it is."""
        return await probe(self._link, self._limits.command)

    async def push(self, files: Mapping[str, Path]) -> Pushed:
        """Copy files to the folder, by relative name, except those in the board's cache."""
        wanted = await asyncio.to_thread(
            lambda: {name: _File.read(path) for name, path in files.items()}
        )
        names: list[str] = []
        size = 0
        for _ in range(_ATTEMPTS):
            answer = await self._place(wanted)
            missing: list[str] = answer["missing"]
            if not missing:
                break
            names = names or missing
            size += await self._send({name: wanted[name] for name in missing}, answer["parts"])
        else:
            missing = (await self._place(wanted))["missing"]
            if missing:
                raise _corrupted(self._link.name, missing[0])
        for name in names:
            self._link.log(f"push: {name} {wanted[name].sha256}")
        self._link.log(f"push: {len(names)} of {len(files)} files, {size} bytes")
        return Pushed(files=tuple(names), bytes=size)

    async def run(
        self, command: Sequence[str], limit_s: float, on_line: Log | None = None
    ) -> Completed:
        """Run a command in the folder; see `Link.run`."""
        return await self._link.run(command, limit_s, on_line, self._agent.folder)

    async def fetch(self, name: str, target: Path) -> None:
        """Copy the folder's file `name` to `target` and check it.

        The next fetch resumes what a broken connection leaves beside `target`.
        """
        doing = f"fetching {name}"
        answer = await self._agent.ask(doing, self._limits.transfer, do="hash", name=name)
        checksum: str = answer["sha256"]
        # Named by content: only a part of the same file is resumed.
        part = target.with_name(f"{target.name}.{checksum[:16]}.part")
        for _ in range(_ATTEMPTS):
            async with explained(self._link.name, doing, self._limits.transfer):
                size = await transfer.receive(self._sftp, f"{self.folder}/{name}", part)
            if await asyncio.to_thread(hash_file, part) == checksum:
                part.replace(target)
                self._link.log(f"fetch: {name} {checksum}, {size} bytes")
                return
            part.unlink()
        raise _corrupted(self._link.name, name)

    async def _place(self, files: Mapping[str, _File]) -> dict[str, Any]:
        """Ask the agent to put into our folder what the board's cache holds."""
        described = {name: [file.sha256, file.size, file.mode] for name, file in files.items()}
        return await self._agent.ask(
            "checking files", self._limits.transfer, do="place", files=described
        )

    async def _send(self, files: Mapping[str, _File], parts: Mapping[str, int]) -> int:
        """Send files to the board's cache, resuming what an earlier run began."""
        contents = {file.sha256: file for file in files.values()}
        size = sum(file.size - parts[checksum] for checksum, file in contents.items())
        async with explained(self._link.name, "checking the disk", self._limits.command):
            free = await transfer.free_bytes(self._sftp, _CACHE)
        if free is not None and free < size + transfer.SPARE_BYTES:
            answer = await self._agent.ask(
                "making room", self._limits.command, do="make room",
                bytes=size + transfer.SPARE_BYTES - free, keep=list(contents),
            )  # fmt: skip
            self._link.log(f"push: removed {answer['freed']} bytes from the board's cache")
            free += int(answer["freed"])
            if free < size + transfer.SPARE_BYTES:
                raise disk_full(self._link.name, f": {size} bytes to push, {free} bytes free")
        sent = 0
        async with explained(self._link.name, "pushing files", self._limits.transfer):
            for checksum, file in contents.items():
                target = f"{_CACHE}/{checksum}.part"
                sent += await transfer.send(self._sftp, file.path, target, parts[checksum])
        return sent


def _corrupted(board: str, name: str) -> BoardError:
    return BoardError(
        f"{name} arrived damaged on its way to or from {board}: its SHA-256 differs.",
        "Rerun; if it happens again, check the board's disk or SD card.",
    )
