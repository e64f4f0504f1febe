"""One run at a time on a board, files sent once, and boards that go away in the middle."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bench.boards import transfer
from bench.boards.base import Address, Identity
from bench.boards.emulated import ConfinedSftp, prepare_home, serve
from bench.boards.link import Limits
from bench.boards.ssh import Board, open_board
from bench.errors import BoardError
from bench.store.keys import hash_file
from board_session import offspring

KEY = asyncssh.generate_private_key("ssh-ed25519")


@dataclass
class Machine:
    """A board that can be switched off and on again."""

    home: Path
    log: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def on(self, sftp: type[ConfinedSftp] = ConfinedSftp) -> AsyncIterator[Address]:
        async with serve(self.home, KEY.convert_to_public(), sftp=sftp) as address:
            yield replace(address, client_keys=(KEY,))

    @asynccontextmanager
    async def session(self, address: Address, busy: float = 30) -> AsyncIterator[Board]:
        async with open_board(address, self.log.append, Limits(busy=busy)) as board:
            yield board

    @property
    def sessions(self) -> list[Path]:
        return list((self.home / ".bench" / "sessions").iterdir())

    @property
    def cached(self) -> dict[str, int]:
        return {path.name: path.stat().st_size for path in (self.home / ".bench/cache").iterdir()}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: Any) -> Machine:
    monkeypatch.setattr("bench.boards.agent._ASK_AGAIN_S", 0.05)
    home = tmp_path / "home"
    home.mkdir()
    prepare_home(home, Identity(board="b", part="p", measured_on="emulated-board"))
    return Machine(home)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: Any) -> dict[str, Path]:
    monkeypatch.setattr(transfer, "BLOCK_BYTES", 1 << 16)
    paths = {name: tmp_path / name for name in ("large", "small")}
    paths["large"].write_bytes(os.urandom(1_000_000))
    paths["small"].write_bytes(b"small")
    return paths


def test_two_runs_never_share_a_board(machine: Machine) -> None:
    async def run() -> None:
        async with machine.on() as address:
            async with machine.session(address) as board:
                with pytest.raises(BoardError, match=r"has been in use by .+ on .+ for"):
                    async with machine.session(address, busy=0.2):
                        pytest.fail("the board was shared")
                assert (await board.run(["pwd"], 5)).status == 0
            async with machine.session(address):
                pass

    asyncio.run(run())
    assert any("waiting for it" in line for line in machine.log)


def test_a_run_gets_the_board_when_the_other_one_ends(machine: Machine) -> None:
    async def run() -> None:
        async with machine.on() as address, asyncio.TaskGroup() as group:
            waits = asyncio.Event()

            async def second() -> None:
                async with open_board(address, print, on_wait=lambda _: waits.set()):
                    assert len(machine.sessions) == 1

            async with machine.session(address):
                group.create_task(second())
                await asyncio.wait_for(waits.wait(), 5)

    asyncio.run(run())
    assert machine.sessions == []


def test_a_keeper_that_was_killed_leaves_neither_lock_nor_folder(machine: Machine) -> None:
    before = offspring()

    async def run() -> None:
        async with machine.on() as address:
            with pytest.raises(BoardError, match=r"by signal 9|was lost"):
                async with machine.session(address) as board:
                    for child in offspring() - before:
                        os.kill(child.pid, signal.SIGKILL)
                    await board.push({"file": machine.home / ".bench-board.json"})
            assert len(machine.sessions) == 1
            async with machine.session(address) as board:
                assert [machine.home / board.folder] == machine.sessions

    asyncio.run(run())
    assert any("earlier runs left" in line for line in machine.log)


def test_a_silent_run_loses_the_board(machine: Machine, monkeypatch: Any, tmp_path: Path) -> None:
    """As when the network is cut and nobody tells the board."""
    impatient = tmp_path / "agent.py"
    from bench.boards.agent import AGENT_PROGRAM

    impatient.write_text(AGENT_PROGRAM.read_text().replace("SILENCE_S = 30.0", "SILENCE_S = 2.0"))
    monkeypatch.setattr("bench.boards.agent.AGENT_PROGRAM", impatient)

    async def run() -> None:
        async with machine.on() as address, machine.session(address):
            async with asyncio.timeout(60):
                while machine.sessions:
                    await asyncio.sleep(0.01)
            async with machine.session(address):
                assert len(machine.sessions) == 1

    asyncio.run(run())


def test_what_an_earlier_session_pushed_is_not_sent_again(
    machine: Machine, package: dict[str, Path]
) -> None:
    async def run() -> None:
        async with machine.on() as address:
            async with machine.session(address) as board:
                assert (await board.push(package)).bytes == 1_000_005
            assert machine.sessions == []
            package["small"].write_bytes(b"changed")
            async with machine.session(address) as board:
                pushed = await board.push(package)
                assert (pushed.files, pushed.bytes) == (("small",), 7)
                there = machine.home / board.folder
                assert (there / "large").read_bytes() == package["large"].read_bytes()
                assert (there / "small").read_bytes() == b"changed"

    asyncio.run(run())


def test_damage_in_the_cache_is_found_and_mended(
    machine: Machine, package: dict[str, Path]
) -> None:
    async def run() -> None:
        async with machine.on() as address:
            async with machine.session(address) as board:
                await board.push(package)
            for path in (machine.home / ".bench/cache").iterdir():
                path.write_bytes(b"damaged")
            async with machine.session(address) as board:
                assert len((await board.push(package)).files) == 2
                there = machine.home / board.folder / "large"
                assert there.read_bytes() == package["large"].read_bytes()

    asyncio.run(run())


class Breaks(ConfinedSftp):
    """A connection that breaks after some 500 kB."""

    written = 0

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        Breaks.written += len(data)
        if Breaks.written > 500_000:
            self.channel.get_connection().abort()
        written: Any = super().write(file_obj, offset, data)
        return int(written)


def test_a_push_goes_on_where_the_connection_broke(
    machine: Machine, package: dict[str, Path]
) -> None:
    async def run() -> None:
        async with machine.on(Breaks) as address:
            with pytest.raises(BoardError, match="was lost while pushing files"):
                async with machine.session(address) as board:
                    await board.push(package)
        (size,) = machine.cached.values()
        assert 300_000 < size < 1_000_000
        async with machine.on() as address, machine.session(address) as board:
            pushed = await board.push(package)
            assert [machine.home / board.folder] == machine.sessions  # whatever the break left
            assert set(pushed.files) == {"large", "small"}
            assert pushed.bytes <= 1_000_005 - size + transfer.BLOCK_BYTES
            there = machine.home / board.folder / "large"
            assert there.read_bytes() == package["large"].read_bytes()

    Breaks.written = 0
    asyncio.run(run())
    assert not any(name.endswith(".part") for name in machine.cached)


class BreaksReading(ConfinedSftp):
    """A connection that breaks after some 500 kB have been read."""

    read_bytes = 0

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        data: Any = super().read(file_obj, offset, size)
        BreaksReading.read_bytes += len(data)
        if BreaksReading.read_bytes > 500_000:
            self.channel.get_connection().abort()
        return bytes(data)


WRITE = ["python3", "-c", "open('out', 'wb').write(bytes(range(256)) * 4000)"]


def test_a_fetch_goes_on_where_the_connection_broke(
    machine: Machine, package: dict[str, Path], tmp_path: Path
) -> None:
    target = tmp_path / "here" / "out"
    target.parent.mkdir()

    async def run() -> None:
        async with machine.on(BreaksReading) as address:
            with pytest.raises(BoardError, match="was lost while fetching out"):
                async with machine.session(address) as board:
                    await board.run(WRITE, 10)
                    await board.fetch("out", target)
        (part,) = target.parent.iterdir()
        size = part.stat().st_size
        assert 300_000 < size < 1_024_000
        async with machine.on() as address, machine.session(address) as board:
            await board.run(WRITE, 10)
            await board.fetch("out", target)
        assert f", {1_024_000 - size} bytes" in machine.log[-1]

    BreaksReading.read_bytes = 0
    asyncio.run(run())
    assert target.read_bytes() == bytes(range(256)) * 4000
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("left", [bytes(600_000), bytes(2_000_000)], ids=["damaged", "too long"])
def test_what_cannot_be_gone_on_with_is_fetched_anew(
    machine: Machine, left: bytes, tmp_path: Path
) -> None:
    target = tmp_path / "here" / "out"
    target.parent.mkdir()
    checksum = hashlib.sha256(bytes(range(256)) * 4000).hexdigest()
    (target.parent / f"out.{checksum[:16]}.part").write_bytes(left)

    async def run() -> None:
        async with machine.on() as address, machine.session(address) as board:
            await board.run(WRITE, 10)
            await board.fetch("out", target)

    asyncio.run(run())
    assert target.read_bytes() == bytes(range(256)) * 4000
    assert list(target.parent.iterdir()) == [target]


def test_a_damaged_part_is_sent_anew(machine: Machine, package: dict[str, Path]) -> None:
    async def run() -> None:
        checksum = hash_file(package["large"])
        cache = machine.home / ".bench" / "cache"
        cache.mkdir(parents=True)
        (cache / f"{checksum}.part").write_bytes(bytes(600_000))
        async with machine.on() as address, machine.session(address) as board:
            pushed = await board.push(package)
            assert pushed.bytes > 1_000_005
            there = machine.home / board.folder / "large"
            assert there.read_bytes() == package["large"].read_bytes()

    asyncio.run(run())


def test_a_board_that_reboots_during_a_run(machine: Machine, package: dict[str, Path]) -> None:
    async def run() -> None:
        server = machine.on()
        address = await server.__aenter__()
        with pytest.raises(BoardError, match="was lost while running `sleep 60`"):
            async with machine.session(address) as board:
                await board.push(package)
                running = asyncio.create_task(board.run(["sleep", "60"], 60))
                await asyncio.sleep(0.1)
                await server.__aexit__(None, None, None)
                await running
        leftover = machine.home / ".bench" / "sessions" / "leftover"
        leftover.mkdir()  # where the power went before anybody could tidy up
        async with machine.on() as address, machine.session(address) as board:
            assert not leftover.exists()
            assert (await board.push(package)).bytes == 0

    asyncio.run(run())


class Small(ConfinedSftp):
    """A disk on which 1.5 MB are free while the cache is empty."""

    home: Path

    def statvfs(self, path: bytes) -> Any:
        cache = self.home / ".bench" / "cache"
        used = sum(path.stat().st_size for path in cache.iterdir())
        return asyncssh.SFTPVFSAttrs(bsize=1, frsize=1, bavail=2_500_000 - used)


def test_the_cache_makes_room_for_what_is_needed(
    machine: Machine, package: dict[str, Path]
) -> None:
    async def run() -> None:
        async with machine.on(Small) as address, machine.session(address) as board:
            await board.push(package)
            old = set(machine.cached)
            package["large"].write_bytes(os.urandom(1_000_000))
            await board.push(package)
            assert len(old & set(machine.cached)) == 1
            package["large"].write_bytes(os.urandom(2_000_000))
            with pytest.raises(BoardError, match="is full: 2000000 bytes to push"):
                await board.push(package)

    Small.home = machine.home
    asyncio.run(run())


def test_a_shell_that_greets_is_called_garbage(machine: Machine) -> None:
    python = machine.home / "bin" / "python3"
    python.write_text("#!/bin/sh\necho Welcome to PYNQ\n")

    async def run() -> None:
        async with machine.on() as address:
            with pytest.raises(BoardError, match="JSON document: Welcome to PYNQ") as caught:
                async with machine.session(address):
                    pytest.fail("nobody took the board")
            assert "profile.d" in caught.value.remedy

    asyncio.run(run())


def test_a_home_that_cannot_be_written(machine: Machine) -> None:
    (machine.home / ".bench").write_text("in the way")

    async def run() -> None:
        async with machine.on() as address:
            with pytest.raises(BoardError, match=r"\.bench"):
                async with machine.session(address):
                    pytest.fail("nobody took the board")

    asyncio.run(run())
