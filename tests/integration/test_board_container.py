"""The emulated board as a container: OpenSSH's server on loopback, and every way it can end."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import psutil
import pytest
from docker.client import DockerClient

from bench.boards import contained as module
from bench.boards.base import Address, Identity
from bench.boards.contained import ContainedBoard, contained, emulated_in_container
from bench.boards.ssh import Board, open_board
from bench.errors import BoardError, EnvironmentFailure
from bench.images.cleanup import OWNER
from bench.images.engine import LABEL
from bench.paths import ROOT, default_store
from bench.runners.docker import DockerRunner
from bench.runners.host import HostReporter
from bench.runners.limits import Limits
from bench.runners.wire import Request
from bench.system.locks import Cancelled

PROCESSES = {os.getpid()}
IDENTITY = Identity(board="Pynq-Z2", part="xc7z020clg400-1", measured_on="emulated-board")


@pytest.fixture(scope="module")
def runner(client: DockerClient) -> DockerRunner:
    return DockerRunner(default_store() / "cache" / "images", Limits(memory_bytes=1 << 30))


@pytest.fixture(autouse=True)
def nothing_left(client: DockerClient) -> Iterator[None]:
    before = boards(client)
    yield
    assert boards(client) == before


def boards(client: DockerClient) -> list[str]:
    """Containers of boards that these tests started, running or not; others may use the engine."""
    found = client.api.containers(all=True, filters={"label": f"{LABEL}=board"})
    owners = {one["Id"]: int(one["Labels"][OWNER].split(" ")[2]) for one in found}
    return [container for container, owner in owners.items() if owner in PROCESSES]


def quiet() -> HostReporter:
    return HostReporter("task", "stage", lambda _: None, io.StringIO(), threading.Event())


def request(folder: Path) -> Request:
    return Request(
        stage="measure", key="", spec={}, inputs={}, outputs=folder, scratch=folder, cache=folder,
        result=folder / "result.json", cpus=1,
    )  # fmt: skip


async def say(board: Board, script: str) -> str:
    return (await board.run(["sh", "-c", script], 30)).stdout


def test_a_session_on_a_real_server_with_nothing_beside(
    runner: DockerRunner, tmp_path: Path
) -> None:
    """Push, run and fetch; then what the container may do and who can reach it."""
    large, back = tmp_path / "large", tmp_path / "back"
    large.write_bytes(os.urandom(3_000_000))

    async def use() -> None:
        emulated = emulated_in_container(runner, IDENTITY, request(tmp_path), quiet())
        async with emulated as address, open_board(address, print) as board:
            probe = await board.probe()
            assert (probe.board, probe.part) == (IDENTITY.board, IDENTITY.part)
            assert probe.measured_on == IDENTITY.measured_on
            assert (await board.push({"large": large})).bytes == 3_000_000
            assert (await board.push({"large": large})).bytes == 0
            assert await say(board, "cp large copy; echo done") == "done\n"
            await board.fetch("copy", back)
            assert await say(board, "id -un") == "xilinx\n"
            assert "CapBnd:\t0000000000000000" in await say(board, "cat /proc/self/status")
            assert await say(board, "touch /etc/x || echo no") == "no\n"
            connect = "import socket; socket.create_connection(('1.1.1.1', 53), 1)"
            assert await say(board, f'python3 -c "{connect}" || echo no') == "no\n"
            listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
            at = {c.laddr.ip for c in listening if c.laddr.port == address.port}
            assert at <= {"127.0.0.1"}

    asyncio.run(use())
    assert back.read_bytes() == large.read_bytes()


def test_each_board_has_keys_of_its_own(runner: DockerRunner, tmp_path: Path) -> None:
    async def use() -> None:
        first = emulated_in_container(runner, IDENTITY, request(tmp_path), quiet())
        second = emulated_in_container(runner, IDENTITY, request(tmp_path), quiet())
        async with first as one, second as two:
            assert one.host_key != two.host_key
            assert one.client_keys != two.client_keys
            await refuses(replace(one, client_keys=two.client_keys), "refused the key")
            await refuses(replace(one, host_key=two.host_key), "host key other than the one")
            with pytest.raises(asyncssh.PermissionDenied):
                await asyncssh.connect(
                    one.host, one.port, username=one.user, password="xilinx", config=None,
                    known_hosts=([one.host_key], [], []), client_keys=None, agent_path=None,
                )  # fmt: skip

    asyncio.run(use())


async def refuses(address: Address, said: str) -> None:
    with pytest.raises(BoardError, match=said):
        async with open_board(address, print):
            pass


def test_a_full_disk(runner: DockerRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_HOME_BYTES", 8 << 20)
    large = tmp_path / "large"
    large.write_bytes(bytes(20_000_000))

    async def use() -> None:
        emulated = emulated_in_container(runner, IDENTITY, request(tmp_path), quiet())
        async with emulated as address, open_board(address, print) as board:
            await board.push({"large": large})

    with pytest.raises(BoardError, match=r"disk of .* is full: 20000000 bytes to push"):
        asyncio.run(use())


def test_a_board_that_is_switched_off_during_a_run(
    runner: DockerRunner, client: DockerClient, tmp_path: Path
) -> None:
    async def use() -> None:
        before = boards(client)
        emulated = emulated_in_container(runner, IDENTITY, request(tmp_path), quiet())
        async with emulated as address, open_board(address, print) as board:
            running = asyncio.create_task(board.run(["sleep", "60"], 60))
            await asyncio.sleep(0.5)
            (ours,) = set(boards(client)) - set(before)
            client.api.kill(ours)
            await running

    with pytest.raises(BoardError, match="was lost while running `sleep 60`"):
        asyncio.run(use())


def test_an_interrupt_while_it_starts(runner: DockerRunner, tmp_path: Path) -> None:
    reporter = quiet()
    runner.image("board", reporter.emit, reporter.cancelled)
    reporter.cancelled.set()

    async def use() -> None:
        async with emulated_in_container(runner, IDENTITY, request(tmp_path), reporter):
            pytest.fail("it started")

    with pytest.raises(Cancelled):
        asyncio.run(use())


def test_a_container_that_cannot_run_a_server(runner: DockerRunner) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
    few = ContainedBoard(IDENTITY, key, 1, Limits(memory_bytes=1 << 30, processes=2))
    image = runner.image("board", lambda _: None, threading.Event())
    with (
        pytest.raises(EnvironmentFailure, match="ended before its SSH server was up"),
        contained(image, few, print, threading.Event()),
    ):
        pytest.fail("it started")


def test_the_board_ends_with_a_bench_that_is_killed(client: DockerClient, tmp_path: Path) -> None:
    before = boards(client)
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(ROOT)!r}); sys.path.insert(0, {str(Path(__file__).parent)!r})
import test_board_container as t
from pathlib import Path

async def use():
    runner = t.DockerRunner(t.default_store() / "cache" / "images")
    folder = Path({str(tmp_path)!r})
    async with t.emulated_in_container(runner, t.IDENTITY, t.request(folder), t.quiet()):
        print("up", flush=True)
        await asyncio.sleep(60)

asyncio.run(use())
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        PROCESSES.add(child.pid)
        try:
            assert child.stdout.readline() == b"up\n"
            assert len(boards(client)) == len(before) + 1
        finally:
            child.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while boards(client) != before:
        assert time.monotonic() < deadline, "the board outlived bench"
        time.sleep(0.1)
