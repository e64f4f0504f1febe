"""Files to a board and back: only what changed, whole or not at all, and nowhere else."""

from __future__ import annotations

import errno
import os
import shlex
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from bench.boards.emulated import ConfinedSftp
from bench.errors import BoardError
from board_session import Session, on_board


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "local"
    folder.mkdir()
    (folder / "weights").write_bytes(os.urandom(100_000))
    (folder / "empty").write_bytes(b"")
    (folder / "tool").write_text("#!/bin/sh\necho run\n")
    (folder / "tool").chmod(0o755)
    return {f"deep/er/{name}": folder / name for name in ("weights", "empty", "tool")}


def test_only_what_changed_is_pushed(parent: Path, files: dict[str, Path]) -> None:
    async def body(here: Session) -> None:
        first = await here.board.push(files)
        assert set(first.files) == set(files)
        assert first.bytes == sum(path.stat().st_size for path in files.values())
        assert (await here.board.push(files)).files == ()
        files["deep/er/empty"].write_bytes(b"no longer")
        assert (await here.board.push(files)).files == ("deep/er/empty",)
        assert (await here.board.run(["deep/er/tool"], 5)).stdout == "run\n"
        there = here.home / here.board.folder / "deep/er/weights"
        assert there.read_bytes() == files["deep/er/weights"].read_bytes()

    on_board(parent, body)


class FlipsBits(ConfinedSftp):
    """A file system that damages what is written to or read from it."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        damaged = bytes([data[0] ^ 1]) + data[1:]
        written: Any = super().write(file_obj, offset, damaged)
        return int(written)

    def read(self, file_obj: object, offset: int, size: int) -> bytes:
        data: Any = super().read(file_obj, offset, size)
        return bytes([data[0] ^ 1]) + data[1:] if data else b""


def test_damage_on_the_way_to_the_board_is_found(parent: Path, files: dict[str, Path]) -> None:
    async def body(here: Session) -> None:
        with pytest.raises(BoardError, match="weights arrived damaged"):
            await here.board.push(files)

    on_board(parent, body, sftp=FlipsBits)


def test_damage_on_the_way_back_is_found(parent: Path, tmp_path: Path) -> None:
    target = tmp_path / "fetched"

    async def body(here: Session) -> None:
        await here.board.run(["sh", "-c", "echo 12345 >results"], 5)
        with pytest.raises(BoardError, match="results arrived damaged"):
            await here.board.fetch("results", target)

    on_board(parent, body, sftp=FlipsBits)
    assert list(tmp_path.glob("fetched*")) == []


def test_fetch_brings_the_file_whole(parent: Path, tmp_path: Path) -> None:
    async def body(here: Session) -> None:
        await here.board.run(["sh", "-c", "head -c 300000 /dev/urandom >results"], 5)
        await here.board.fetch("results", tmp_path / "fetched")
        there = here.home / here.board.folder / "results"
        assert (tmp_path / "fetched").read_bytes() == there.read_bytes()
        with pytest.raises(BoardError, match="No such file"):
            await here.board.fetch("nothing", tmp_path / "nothing")

    on_board(parent, body)
    assert not (tmp_path / "nothing").exists()


class Full(ConfinedSftp):
    """A disk that is full, on a server that cannot say how full."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def statvfs(self, path: bytes) -> Any:
        raise asyncssh.SFTPOpUnsupported("not here")


class NearlyFull(ConfinedSftp):
    """A disk with 50 kB left, on a server that says so."""

    def statvfs(self, path: bytes) -> Any:
        return asyncssh.SFTPVFSAttrs(bsize=1000, frsize=1000, bavail=50)


@pytest.mark.parametrize(("sftp", "said"), [(Full, "is full"), (NearlyFull, "50000 bytes free")])
def test_a_full_disk_is_called_that(
    parent: Path, files: dict[str, Path], sftp: type[ConfinedSftp], said: str
) -> None:
    async def body(here: Session) -> None:
        with pytest.raises(BoardError, match=said) as caught:
            await here.board.push(files)
        assert "Free some space" in caught.value.remedy

    on_board(parent, body, sftp=sftp)


def test_a_fault_of_our_own_disk_is_not_blamed_on_the_board(parent: Path, tmp_path: Path) -> None:
    def full(_: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async def body(here: Session) -> None:
        with pytest.raises(OSError, match="No space left"):
            await here.board.run(["sh", "-c", "echo line >&2"], 5, full)
        await here.board.run(["sh", "-c", "echo 1 >results"], 5)
        with pytest.raises(FileNotFoundError):
            await here.board.fetch("results", tmp_path / "missing" / "results")

    on_board(parent, body)


def test_file_transfer_cannot_leave_the_home(parent: Path) -> None:
    outside = parent.parent / "secret"
    outside.write_text("secret")

    async def body(here: Session) -> None:
        at = here.address
        file, folder = (shlex.quote(str(path)) for path in (outside, outside.parent))
        script = f"ln -s {file} ~/link && ln -s {folder} ~/folder"
        assert (await here.board.run(["sh", "-c", script], 5)).status == 0
        async with (
            asyncssh.connect(
                at.host,
                at.port,
                username=at.user,
                client_keys=list(at.client_keys),
                known_hosts=([at.host_key], [], []),
                config=None,
            ) as connection,
            connection.start_sftp_client() as sftp,
        ):
            assert await sftp.realpath(".") == "/"
            for path in ("link", "folder/secret"):
                for mode in ("r", "w"):
                    with pytest.raises(asyncssh.SFTPPermissionDenied):
                        await sftp.open(path, mode)
            for path in (f"../../../..{outside}", str(outside), "/etc/passwd"):
                with pytest.raises(asyncssh.SFTPNoSuchFile):
                    await sftp.open(path)
            await sftp.symlink(str(outside), "way-out")
            with pytest.raises(asyncssh.SFTPError):
                await sftp.open("way-out")
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", at.port)
        assert outside.read_text() == "secret"

    on_board(parent, body)
