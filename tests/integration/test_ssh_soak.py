"""The way to a board under load: many sessions, large files, several boards at once."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from bench.boards.emulated import emulated_board
from bench.boards.ssh import open_board


def ignore(_: str) -> None:
    pass


def held() -> tuple[int, int, int]:
    """Open files and sockets, children, threads of this process."""
    gc.collect()
    process = psutil.Process()
    return process.num_fds(), len(process.children(recursive=True)), threading.active_count()


def test_a_hundred_sessions_leave_nothing_behind(tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(os.urandom(10_000))

    async def sessions(count: int) -> tuple[int, int, int]:
        async with emulated_board("b", "p", tmp_path) as address:
            for _ in range(count):
                async with open_board(address, ignore) as board:
                    await board.push({"file": local})
                    assert (await board.run(["cp", "file", "copy"], 5)).status == 0
                    await board.fetch("copy", tmp_path / "back")
                assert (tmp_path / "back").read_bytes() == local.read_bytes()
            await asyncio.sleep(0.1)
            return held()

    before = held()
    few = asyncio.run(sessions(3))
    many = asyncio.run(sessions(100))
    assert many[0] <= few[0] + 2
    assert many[1] == before[1]
    assert held()[:2] == before[:2]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "local"]


def test_20_megabytes_arrive_once(tmp_path: Path) -> None:
    local = tmp_path / "local"
    local.write_bytes(os.urandom(20_000_000))

    async def push() -> None:
        async with (
            emulated_board("b", "p", tmp_path) as address,
            open_board(address, ignore) as board,
        ):
            assert (await board.push({"file": local})).bytes == 20_000_000
            assert (await board.push({"file": local})).bytes == 0

    asyncio.run(push())


def test_several_boards_at_once_in_threads(tmp_path: Path) -> None:
    """As the pipeline uses them: each stage in a thread of its own, each with its own board."""
    meeting = threading.Barrier(4, timeout=60)

    def use(number: int) -> str:
        async def run() -> str:
            async with (
                emulated_board(f"board{number}", "p", tmp_path) as address,
                open_board(address, ignore) as board,
            ):
                await asyncio.to_thread(meeting.wait)
                assert (await board.run(["sh", "-c", "echo hi >file"], 5)).status == 0
                await board.fetch("file", tmp_path / f"back{number}")
                return (await board.probe()).board

        return asyncio.run(run())

    children = held()[1]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(use, range(4))) == [f"board{number}" for number in range(4)]
    assert len(list(tmp_path.iterdir())) == 4
    assert held()[1] == children
