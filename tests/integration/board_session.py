"""A session on a fresh emulated board, for the tests of the way there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.boards.base import Address
from bench.boards.emulated import ConfinedSftp, emulated_board
from bench.boards.link import Limits
from bench.boards.ssh import Board, open_board


def offspring() -> set[psutil.Process]:
    """The processes under this one; earlier tests may have left some, such as Dask's."""
    return set(psutil.Process().children(recursive=True))


class Session:
    """A board, its address, what was logged, and the folder that holds its home."""

    def __init__(self, board: Board, address: Address, log: list[str], parent: Path) -> None:
        self.board = board
        self.address = address
        self.log = log
        (self.home,) = parent.iterdir()


@asynccontextmanager
async def session(
    parent: Path, sftp: type[ConfinedSftp] = ConfinedSftp, limits: Limits | None = None
) -> AsyncIterator[Session]:
    log: list[str] = []
    async with (
        emulated_board("Pynq-Z1", "xc7z020clg400-1", parent, sftp) as address,
        open_board(address, log.append, limits) as board,
    ):
        yield Session(board, address, log, parent)


def on_board(parent: Path, body: Callable[[Session], Awaitable[None]], **options: Any) -> None:
    """Run `body` on a fresh emulated board, then check that nothing of it is left."""
    before = offspring()
    sockets = len(psutil.Process().net_connections("tcp"))

    async def run() -> None:
        async with session(parent, **options) as opened:
            await body(opened)

    try:
        asyncio.run(run())
    finally:
        assert list(parent.iterdir()) == []
        assert offspring() <= before
        assert len(psutil.Process().net_connections("tcp")) == sockets
