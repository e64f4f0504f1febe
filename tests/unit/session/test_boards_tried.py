"""A board that cannot be reached is said before a run works for hours towards it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest
from fakes import FakeRunner

from bench.boards.trust import trust
from bench.cli import main
from bench.errors import Exit


@contextmanager
def port_without_a_server() -> Iterator[int]:
    """Bound, so that nobody else listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def port(grid_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a trusted board that is off, on which the grid measures."""
    (tmp_path / ".ssh").mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / ".ssh" / "id_ed25519")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with port_without_a_server() as port:
        trust("127.0.0.1", port, key.convert_to_public())
        board = f'name = "mine"\naddress = "127.0.0.1"\nport = {port}\nemulated = true\n'
        text = grid_file.read_text()
        start, _, rest = text.partition("[measure]\n")
        measured = f'{start}[measure]\nboard = "mine"\n{rest}'
        grid_file.write_text(f"{measured}\n[[boards]]\n{board}")
        yield port


def test_a_board_that_is_off_stops_a_run_before_it_starts(
    grid_file: Path,
    port: int,
    runner: FakeRunner,
    as_command: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["run", str(grid_file), *as_command]) == Exit.BOARD
    said = capsys.readouterr().err
    assert f"127.0.0.1:{port} refused the connection" in said
    assert "Nothing was started; --only STAGE" in said
    assert runner.ran == []


def test_without_measuring_no_board_is_tried(
    grid_file: Path, port: int, as_command: list[str]
) -> None:
    assert main(["plan", str(grid_file), *as_command]) == Exit.OK
    assert main(["run", str(grid_file), *as_command, "--dry-run"]) == Exit.OK
    assert main(["run", str(grid_file), *as_command, "--only", "train"]) == Exit.OK
