"""Faults between here and a board, each tried against the real server of the emulated board."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest

from bench.boards.base import Address
from bench.boards.emulated import emulated_board
from bench.boards.link import Limits
from bench.boards.ssh import open_board
from bench.errors import BoardError
from board_session import Session, on_board


def address_at(host: str, port: int, key: asyncssh.SSHKey) -> Address:
    return Address(host=host, port=port, user="xilinx", host_key=key, client_keys=(key,))


def refused(address: Address) -> BoardError:
    """The error of a board that does not let us in."""

    async def attempt() -> None:
        async with open_board(address, print):
            pytest.fail("the board let us in")

    with pytest.raises(BoardError) as caught:
        asyncio.run(attempt())
    return caught.value


def test_probe_says_what_the_board_is(parent: Path) -> None:
    async def body(here: Session) -> None:
        probe = await here.board.probe()
        assert (probe.board, probe.part) == ("Pynq-Z1", "xc7z020clg400-1")
        assert probe.measured_on == "emulated-board"
        assert probe.machine == os.uname().machine

    on_board(parent, body)


def test_a_machine_that_is_no_board_says_so(parent: Path) -> None:
    async def body(here: Session) -> None:
        (here.home / ".bench-board.json").unlink()
        with pytest.raises(BoardError, match="refused: This machine does not say which board"):
            await here.board.probe()

    on_board(parent, body)


def test_settings_and_agents_of_the_user_have_no_say(parent: Path, monkeypatch: Any) -> None:
    ssh = parent.parent / ".ssh"
    ssh.mkdir()
    (ssh / "config").write_text("Host *\n  Port 1\n  User nobody\n  ProxyCommand false\n")
    (ssh / "known_hosts").write_text("@revoked * ssh-ed25519 nonsense\n")
    (ssh / "id_ed25519").write_text("not a key")
    monkeypatch.setenv("HOME", str(parent.parent))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(ssh / "config"))

    async def body(here: Session) -> None:
        assert (await here.board.run(["sh", "-c", "echo $HOME"], 5)).stdout == f"{here.home}\n"

    on_board(parent, body)


def test_wrong_host_key_is_refused(parent: Path) -> None:
    async def body(here: Session) -> None:
        other = asyncssh.generate_private_key("ssh-ed25519").convert_to_public()
        with pytest.raises(BoardError, match="host key other than the one expected"):
            async with open_board(replace(here.address, host_key=other), here.log.append):
                pytest.fail("the board let us in")

    on_board(parent, body)


def test_wrong_client_key_is_refused(parent: Path) -> None:
    async def body(here: Session) -> None:
        other = asyncssh.generate_private_key("ssh-ed25519")
        with pytest.raises(BoardError, match="refused the key") as caught:
            async with open_board(replace(here.address, client_keys=(other,)), here.log.append):
                pytest.fail("the board let us in")
        assert "authorized_keys" in caught.value.remedy

    on_board(parent, body)


def test_passwords_are_not_even_offered(parent: Path) -> None:
    async def body(here: Session) -> None:
        at = here.address
        offered = await asyncssh.get_server_auth_methods(at.host, at.port, at.user, config=None)
        assert offered == ["publickey"]
        with pytest.raises(asyncssh.PermissionDenied):
            await asyncssh.connect(
                at.host,
                at.port,
                username=at.user,
                password="xilinx",
                client_keys=None,
                known_hosts=([at.host_key], [], []),
                config=None,
            )

    on_board(parent, body)


def test_each_run_has_fresh_keys_and_answers_on_loopback_only(parent: Path) -> None:
    async def body(here: Session) -> None:
        async with emulated_board("Pynq-Z1", "part", parent) as second:
            assert second.host == "127.0.0.1"
            assert second.host_key != here.address.host_key
            assert second.client_keys != here.address.client_keys
            listening = [c.laddr for c in psutil.Process().net_connections("tcp4")]
            assert all(at.ip == "127.0.0.1" for at in listening if at.port == second.port)
            assert "PRIVATE" not in repr(second)

    on_board(parent, body)


def test_connection_refused() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    with socket.socket() as bound:  # bound but not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        error = refused(address_at("127.0.0.1", bound.getsockname()[1], key))
    assert "refused the connection" in error.what
    assert str(error.exit_code.value) == "6"


def test_a_host_that_nobody_knows(monkeypatch: Any) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    key = asyncssh.generate_private_key("ssh-ed25519")
    error = refused(address_at("no-such-board", 22, key))
    assert "cannot be reached while connecting: Name or service not known" in error.what
    assert "Check the address" in error.remedy


def test_a_server_that_says_nothing_is_given_up() -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = address_at("127.0.0.1", mute.getsockname()[1], key)

        async def attempt() -> None:
            async with open_board(address, print, Limits(connect=0.2)):
                pytest.fail("nobody is there")

        with pytest.raises(BoardError, match=r"not answer within 0\.2 s while connecting"):
            asyncio.run(attempt())


def test_a_server_that_is_not_ssh(parent: Path) -> None:
    async def attempt() -> None:
        async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            key = asyncssh.generate_private_key("ssh-ed25519")
            async with open_board(address_at("127.0.0.1", port, key), print):
                pytest.fail("that was no SSH server")

    with pytest.raises(BoardError, match="lost while connecting"):
        asyncio.run(attempt())


def test_commands_end_with_their_status_and_output(parent: Path) -> None:
    async def body(here: Session) -> None:
        script = "echo out; echo 'it''s err' >&2; exit 7"
        done = await here.board.run(["sh", "-c", script], 5)
        assert (done.status, done.stdout, done.errors) == (7, "out\n", ("its err",))
        assert "its err" in here.log
        killed = await here.board.run(["sh", "-c", "kill -9 $$"], 5)
        assert killed.status == -9
        spaced = await here.board.run(["echo", "two words", "$HOME"], 5)
        assert spaced.stdout == "two words $HOME\n"

    on_board(parent, body)


def test_a_command_that_hangs_is_killed_with_its_children(parent: Path) -> None:
    async def body(here: Session) -> None:
        script = "sleep 60 & echo $$ $! >$HOME/pids; sleep 60"
        with pytest.raises(BoardError, match=r"not answer within 0\.3 s while running"):
            await here.board.run(["sh", "-c", script], 0.3)
        await until_gone([int(pid) for pid in (here.home / "pids").read_text().split()])
        # The connection is still good.
        assert (await here.board.run(["echo", "yes"], 5)).stdout == "yes\n"

    on_board(parent, body)


def alive(pid: int) -> bool:
    try:
        # Orphans wait as zombies until init gets round to them.
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until_gone(pids: list[int]) -> None:
    assert pids
    async with asyncio.timeout(60):
        while any(alive(pid) for pid in pids):
            await asyncio.sleep(0.01)


def test_a_session_that_ends_takes_its_processes_along(parent: Path) -> None:
    pids: list[int] = []

    async def body(here: Session) -> None:
        running = asyncio.create_task(
            here.board.run(["sh", "-c", "sleep 60 & echo $$ $! >$HOME/pids; wait"], 60)
        )
        async with asyncio.timeout(60):
            while not (here.home / "pids").exists() or not pids:
                await asyncio.sleep(0.01)
                with contextlib.suppress(FileNotFoundError):
                    pids.extend(map(int, (here.home / "pids").read_text().split()))
        running.cancel()

    on_board(parent, body)
    assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)


def test_several_commands_at_once(parent: Path) -> None:
    async def body(here: Session) -> None:
        # Each waits for all others, so they only end if they run side by side.
        script = "touch $1; until [ -e 7 -a -e 0 -a -e 3 ]; do sleep 0.01; done"
        commands = [
            here.board.run(["sh", "-c", f"{script}; echo $1", "sh", str(n)], 10) for n in range(8)
        ]
        done = await asyncio.gather(*commands)
        assert [result.stdout for result in done] == [f"{n}\n" for n in range(8)]

    on_board(parent, body)


def test_much_output_neither_blocks_nor_fills_the_memory(parent: Path) -> None:
    async def body(here: Session) -> None:
        done = await here.board.run(["sh", "-c", "head -c 3000000 /dev/zero >&2; echo x"], 10)
        assert done.stdout == "x\n"
        with pytest.raises(BoardError, match="something other than one JSON document"):
            await here.board.run(["sh", "-c", "yes garbage"], 10)

    on_board(parent, body)


def test_the_folder_on_the_board_is_removed_even_after_a_fault(parent: Path) -> None:
    async def run() -> None:
        async with emulated_board("b", "p", parent) as address:
            (home,) = parent.iterdir()
            with pytest.raises(ValueError, match="from the body"):
                async with open_board(address, print) as board:
                    assert (home / board.folder).is_dir()
                    await board.run(["touch", "file"], 5)
                    raise ValueError("from the body")
            assert list((home / ".bench" / "sessions").iterdir()) == []

    asyncio.run(run())


def test_a_board_that_goes_away_during_a_command(parent: Path) -> None:
    async def run() -> None:
        log: list[str] = []
        async with contextlib.AsyncExitStack() as server:
            address = await server.enter_async_context(emulated_board("b", "p", parent))
            async with open_board(address, log.append) as board:
                running = asyncio.create_task(board.run(["sleep", "60"], 60))
                await asyncio.sleep(0.1)
                await server.aclose()
                await running

    with pytest.raises(BoardError, match="lost while running `sleep 60`"):
        asyncio.run(run())
    assert list(parent.iterdir()) == []
