"""The path to a board through OpenSSH's own server, as boards run it, and with a real SSH agent."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import psutil
import pytest

from bench.boards.base import Address, Identity
from bench.boards.emulated import prepare_home
from bench.boards.link import Limits
from bench.boards.login import address_of
from bench.boards.pool import Remote
from bench.boards.ssh import open_board
from bench.boards.trust import offered_key, trust
from bench.errors import BoardError
from bench.store.keys import hash_file
from needs import need_programs

SSHD = shutil.which("sshd")  # by its full path, which it demands; often in /usr/sbin


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a path short enough for an agent's socket."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        yield Path(folder)


class Sshd:
    """OpenSSH's server on loopback, with a home of its own; the user is who runs the tests."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir()
        prepare_home(self.home, Identity(board="b", part="p", measured_on="emulated-board"))
        self.key = folder / "key"
        for path in (self.key, folder / "host"):
            subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", path], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = (
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host'}",
            "PidFile none", "UsePAM no", "StrictModes no", "PasswordAuthentication no",
            f"AuthorizedKeysFile {self.key}.pub", "PermitRootLogin prohibit-password",
            f"SetEnv HOME={self.home}", f"Subsystem sftp internal-sftp -d {self.home}",
        )  # fmt: skip
        self.config = folder / "config"
        self.config.write_text("\n".join(settings) + "\n")

    @contextmanager
    def on(self) -> Iterator[subprocess.Popen[bytes]]:
        Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
        assert SSHD
        with subprocess.Popen([SSHD, "-D", "-f", self.config]) as server:
            try:
                self._wait()
                yield server
            finally:
                children = psutil.Process(server.pid).children(recursive=True)
                for process in children:
                    process.kill()
                server.kill()
                psutil.wait_procs(children, timeout=10)  # they may write until they are gone

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def address(self, key: str) -> Address:
        import getpass

        return address_of(Remote("sshd", "127.0.0.1", self.port, getpass.getuser(), key))

    @property
    def sessions(self) -> list[Path]:
        return list((self.home / ".bench" / "sessions").glob("*"))


@pytest.fixture
def sshd(short: Path, monkeypatch: pytest.MonkeyPatch) -> Sshd:
    needed = ("sshd", "ssh-keygen", "ssh-agent", "ssh-add")
    need_programs("BENCH_REQUIRE_SSHD", "openssh-server; PATH with /usr/sbin", *needed)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(short / "config-home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return Sshd(short)


def trust_it(sshd: Sshd) -> None:
    key = asyncio.run(offered_key("127.0.0.1", sshd.port, 10))
    trust("127.0.0.1", sshd.port, key)


def use(address: Address, files: dict[str, Path], target: Path) -> tuple[int, str]:
    """Push, run and fetch; bytes pushed, and what the command printed."""

    async def run() -> tuple[int, str]:
        async with open_board(address, print, Limits(busy=1)) as board:
            assert (await board.probe()).board == "b"
            pushed = await board.push(files)
            done = await board.run(["sh", "-c", "sha256sum <large >results; echo done"], 30)
            await board.fetch("results", target)
            return pushed.bytes, done.stdout

    return asyncio.run(run())


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    path = tmp_path / "large"
    path.write_bytes(os.urandom(20_000_000))
    return {"large": path}


def test_push_run_fetch_and_push_again(sshd: Sshd, files: dict[str, Path], tmp_path: Path) -> None:
    with sshd.on():
        trust_it(sshd)
        address = sshd.address(str(sshd.key))
        assert use(address, files, tmp_path / "results") == (20_000_000, "done\n")
        assert use(address, files, tmp_path / "results") == (0, "done\n")
        assert sshd.sessions == []


def test_the_keys_of_an_agent_are_offered(
    sshd: Sshd, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_path = short / "agent"
    monkeypatch.setenv("HOME", str(tmp_path))
    with sshd.on(), subprocess.Popen(["ssh-agent", "-D", "-a", agent_path]) as agent:
        try:
            while not agent_path.exists():
                time.sleep(0.02)
            trust_it(sshd)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(agent_path))
            with pytest.raises(BoardError, match="refused the key"):
                use(sshd.address(""), {}, tmp_path / "results")
            subprocess.run(["ssh-add", "-q", sshd.key], check=True)
            small = {"large": sshd.key.with_suffix(".pub")}
            assert use(sshd.address(""), small, tmp_path / "results")[1] == "done\n"
        finally:
            agent.terminate()


def test_a_changed_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    with sshd.on():
        other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
        trust("127.0.0.1", sshd.port, other)
        with pytest.raises(BoardError, match="host key other than the one expected"):
            use(sshd.address(str(sshd.key)), {}, tmp_path / "results")


def test_the_connection_breaks_in_the_middle_of_a_push(
    sshd: Sshd, files: dict[str, Path], tmp_path: Path
) -> None:
    """The next push sends what is missing, and what arrives is whole."""
    parts = sshd.home / ".bench" / "cache"

    async def run(address: Address, server: subprocess.Popen[bytes]) -> None:
        async with open_board(address, print) as board:
            pushing = asyncio.create_task(board.push(files))
            while sum(path.stat().st_size for path in parts.glob("*.part")) < 8_000_000:
                await asyncio.sleep(0.001)
            for process in psutil.Process(server.pid).children(recursive=True):
                process.kill()
            await pushing

    with sshd.on() as server:
        trust_it(sshd)
        address = sshd.address(str(sshd.key))
        with pytest.raises(BoardError, match="was lost while pushing files"):
            asyncio.run(run(address, server))
        sent, said = use(address, files, tmp_path / "results")
        assert 0 < sent <= 16_000_000
        assert said == "done\n"
    assert (tmp_path / "results").read_text().split()[0] == hash_file(files["large"])


def test_a_run_that_hangs_is_ended_on_the_board_too(sshd: Sshd) -> None:
    async def run(address: Address) -> None:
        async with open_board(address, print) as board:
            await board.run(["sh", "-c", "echo $$ >pid; sleep 60 & wait"], 1)

    with sshd.on() as server:
        trust_it(sshd)
        with pytest.raises(BoardError, match=r"did not answer within 1 s while running"):
            asyncio.run(run(sshd.address(str(sshd.key))))
        deadline = time.monotonic() + 20
        while any(p.name() == "sleep" for p in psutil.Process(server.pid).children(recursive=True)):
            assert time.monotonic() < deadline, "it goes on there"
            time.sleep(0.1)


def test_a_board_that_greets_says_garbage(sshd: Sshd, tmp_path: Path) -> None:
    python = sshd.home / "bin" / "python3"
    python.write_text(f'#!/bin/sh\necho Welcome\nexec {shlex.quote(sys.executable)} "$@"\n')
    settings = sshd.config.read_text()
    path = f"SetEnv HOME={sshd.home} PATH={python.parent}:{os.environ['PATH']}"
    sshd.config.write_text(settings.replace(f"SetEnv HOME={sshd.home}", path))
    with sshd.on():
        trust_it(sshd)
        with pytest.raises(BoardError, match="printed something other than one JSON document"):
            use(sshd.address(str(sshd.key)), {}, tmp_path / "results")


def test_power_goes_in_the_middle_of_a_run(sshd: Sshd, files: dict[str, Path]) -> None:
    """Everything on the board dies at once; the next run finds a clean board and sends nothing."""

    async def run(address: Address, server: subprocess.Popen[bytes]) -> None:
        async with open_board(address, print) as board:
            await board.push(files)
            running = asyncio.create_task(board.run(["sleep", "60"], 60))
            await asyncio.sleep(0.3)
            # All at once: whoever died later would see the others go, and could still clean up.
            processes = psutil.Process(server.pid).children(recursive=True)
            for sent in (signal.SIGSTOP, signal.SIGKILL):
                for process in processes:
                    process.send_signal(sent)
            await running

    with sshd.on() as server:
        trust_it(sshd)
        address = sshd.address(str(sshd.key))
        with pytest.raises(BoardError, match="was lost while running `sleep 60`"):
            asyncio.run(run(address, server))
    assert len(sshd.sessions) == 1
    with sshd.on():
        assert use(address, files, sshd.home / "results")[0] == 0
        assert sshd.sessions == []


def test_a_busy_board_says_by_whom(sshd: Sshd, tmp_path: Path) -> None:
    async def run(address: Address) -> None:
        async with open_board(address, print), open_board(address, print, Limits(busy=0.1)):
            pytest.fail("the board was shared")

    with sshd.on():
        trust_it(sshd)
        with pytest.raises(BoardError, match="has been in use by"):
            asyncio.run(run(sshd.address(str(sshd.key))))
        assert sshd.sessions == []
