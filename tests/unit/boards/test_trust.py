"""Which boards are trusted and reached: `bench board`, the known hosts, the names in a grid."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bench.boards.base import Address, Identity
from bench.boards.emulated import serve, temporary_home
from bench.boards.login import address_of
from bench.boards.pool import BoardPool, Remote, parse_target
from bench.boards.trust import known_hosts_file, trust, trusted_key
from bench.cli import main
from bench.errors import BoardError, ConfigError
from bench.grids.grid import load_grid
from bench.session.grids import Changes, open_grid

KEY = asyncssh.generate_private_key("ssh-ed25519")


@pytest.fixture(autouse=True)
def user(tmp_path: Path, monkeypatch: Any) -> Path:
    """A user without any settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


@contextmanager
def board(tmp_path: Path) -> Iterator[Address]:
    identity = Identity(board="Pynq-Z1", part="xc7z020clg400-1", measured_on="emulated-board")
    ready, box = threading.Event(), []

    async def run() -> None:
        stop = asyncio.Event()
        with temporary_home(identity, tmp_path) as home:
            async with serve(home, KEY.convert_to_public()) as address:
                box.extend([address, asyncio.get_running_loop(), stop])
                ready.set()
                await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert ready.wait(10)
    try:
        yield box[0]
    finally:
        box[1].call_soon_threadsafe(box[2].set)
        thread.join()


def test_trust_shows_the_fingerprint_and_probe_then_works(user: Path, capsys: Any) -> None:
    key_file = user / "key"
    KEY.write_private_key(key_file)
    with board(user) as address:
        target = f"127.0.0.1:{address.port}"
        assert main(["board", "probe", target, "--key", str(key_file)]) == 6
        said = capsys.readouterr().err
        assert "is not known; nothing was sent" in said
        assert f"bench board trust {target}" in said
        assert main(["board", "trust", target, "--fingerprint", "SHA256:other"]) == 6
        assert main(["board", "trust", target, "--yes"]) == 0
        assert address.host_key.get_fingerprint() in capsys.readouterr().out
        assert known_hosts_file().stat().st_mode & 0o77 == 0
        assert main(["board", "trust", target]) == 0
        assert "trusted already" in capsys.readouterr().out
        assert main(["board", "probe", target, "--key", str(key_file)]) == 0
        shown = capsys.readouterr().out
        assert "Pynq-Z1" in shown
        assert "emulated-board" in shown
    with board(user) as address:
        trust("127.0.0.1", address.port, KEY.convert_to_public())  # as if it had been another one
        target = f"127.0.0.1:{address.port}"
        assert main(["board", "probe", target, "--key", str(key_file)]) == 6
        assert "host key other than the one expected" in capsys.readouterr().err
        assert main(["board", "trust", target, "--yes"]) == 0
        assert "until now another key was trusted" in capsys.readouterr().out
        assert trusted_key("127.0.0.1", address.port) == address.host_key
        assert len(known_hosts_file().read_text().splitlines()) == 2


def test_a_host_that_is_not_there(capsys: Any) -> None:
    assert main(["board", "trust", "127.0.0.1:1", "--yes"]) == 6
    assert "refused the connection" in capsys.readouterr().err
    assert not known_hosts_file().exists()


def test_ports_are_kept_apart() -> None:
    keys = [asyncssh.generate_private_key("ssh-ed25519").convert_to_public() for _ in range(2)]
    trust("board", 22, keys[0])
    trust("board", 2222, keys[1])
    assert trusted_key("board", 22) == keys[0]
    assert trusted_key("board", 2222) == keys[1]
    assert trusted_key("other", 22) is None


def test_of_many_that_trust_at_once_none_forgets_the_key_of_another() -> None:
    hosts = [f"board{number}" for number in range(30)]
    with ThreadPoolExecutor(len(hosts)) as threads:
        list(threads.map(lambda host: trust(host, 22, KEY.convert_to_public()), hosts))
    assert [trusted_key(host, 22) for host in hosts] == [KEY.convert_to_public()] * len(hosts)
    assert known_hosts_file().stat().st_mode & 0o77 == 0
    left = {path.name for path in known_hosts_file().parent.iterdir()}
    assert left <= {"known_hosts", "known_hosts.lock"}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("192.168.2.99", ("192.168.2.99", 22, "xilinx")),
        ("root@kria:2222", ("kria", 2222, "root")),
        ("me@[fe80::1]:22", ("fe80::1", 22, "me")),
    ],
)
def test_targets(text: str, parts: tuple[str, int, str]) -> None:
    target = parse_target(text)
    assert (target.host, target.port, target.user) == parts


@pytest.mark.parametrize("text", ["", "me@", "a b", "host:0", "host:99999", "a@b@c"])
def test_targets_that_are_none(text: str) -> None:
    with pytest.raises(ConfigError, match="is not the address of a board"):
        parse_target(text)


def test_keys_that_cannot_be_used(user: Path) -> None:
    trust("there", 22, KEY.convert_to_public())
    with pytest.raises(BoardError, match="no key to log in to there") as caught:
        address_of(Remote("there", "there", 22, "xilinx"))
    assert "ssh-keygen" in caught.value.remedy
    locked = user / "locked"
    locked.write_bytes(KEY.export_private_key("pkcs8-pem", passphrase="secret"))
    with pytest.raises(ConfigError, match="protected by a passphrase"):
        address_of(Remote("there", "there", 22, "xilinx", str(locked)))
    with pytest.raises(ConfigError, match="No such file"):
        address_of(Remote("there", "there", 22, "xilinx", str(user / "nothing")))
    (user / ".ssh").mkdir()
    KEY.write_private_key(user / ".ssh" / "id_ed25519")
    address = address_of(Remote("there", "there", 22, "xilinx"))
    assert len(address.client_keys) == 1
    assert "PRIVATE" not in repr(address)


def with_boards(grid_file: Path, measure: str) -> Path:
    tables = "".join(
        f'[[boards]]\nname = "{n}"\naddress = "10.0.0.{i}"\n' for i, n in ((1, "a"), (2, "b"))
    )
    grid_file.write_text(f"{grid_file.read_text()}\n[measure]\nboard = {measure}\n{tables}")
    return grid_file


def test_boards_in_a_file_and_on_the_command_line(grid_file: Path) -> None:
    with_boards(grid_file, '["b", "a"]')
    experiments = open_grid(grid_file).experiments
    assert [e.specs["measure"]["boards"] for e in experiments] == [["a", "b"]] * len(experiments)
    opened = open_grid(grid_file, Changes(boards=("root@kria:2222",)))
    grid, experiments = opened.grid, opened.experiments
    assert experiments[0].specs["measure"]["boards"] == ["root@kria:2222"]
    assert grid.needs_bitstream
    assert grid.boards[-1].address == "kria"
    experiments = open_grid(grid_file, Changes(boards=("emulated-board",))).experiments
    assert experiments[0].specs["measure"]["boards"] == ["emulated-board"]
    with pytest.raises(ConfigError, match="cannot be combined"):
        open_grid(grid_file, Changes(boards=("emulated-board", "a")))


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        ('"c"', "measure.board = 'c' is not known"),
        ('["emulated-board", "a"]', "neither one of several boards"),
        ('["a", "a"]', "names 'a' twice"),
        ('"a"\n[[boards]]\nname = "x"\nadress = "1"', "Did you mean 'address'"),
        ('"a"\n[[boards]]\nname = "a"\naddress = "1"', "boards.name names 'a' twice"),
    ],
)
def test_boards_that_cannot_be(grid_file: Path, measure: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        load_grid(with_boards(grid_file, measure))


def test_two_boards_are_used_at_once_and_each_by_one() -> None:
    remotes = [Remote(name, name, 22, "xilinx") for name in ("a", "b")]
    pool = BoardPool(remotes)

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    with pool.take(["a", "b"], stop) as first, pool.take(["a", "b"], stop) as second:
        assert {first.name, second.name} == {"a", "b"}
        with pytest.raises(Stopped), pool.take(["a"], stop):
            pytest.fail("a board was shared")
    with pool.take(["b"], stop) as again:
        assert again.name == "b"
    with pytest.raises(ConfigError, match="'c' is not known"), pool.take(["c"], stop):
        pytest.fail("there is no such board")
