"""Files to a board over SFTP, and their checksums."""

from __future__ import annotations

import hashlib
import posixpath
import stat
from collections.abc import Mapping
from pathlib import Path

import asyncssh

from bench.boards.faults import disk_full

_SPARE_BYTES = 1 << 20


def sha256(path: Path) -> str:
    """The file's SHA-256, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def parse_checksums(text: str) -> dict[str, str]:
    """What `sha256sum` printed, as checksums by file name relative to the folder."""
    found = {}
    for line in text.splitlines():
        checksum, _, name = line.partition(" ")
        found[name[1:].removeprefix("./")] = checksum
    return found


async def send(
    sftp: asyncssh.SFTPClient, board: str, folder: str, files: Mapping[str, Path]
) -> int:
    """Send files to `folder` on the board; returns how many bytes they hold.

    Raises:
        BoardError: They do not fit on its disk.
        asyncssh.Error: The transfer failed.
    """
    size = sum(path.stat().st_size for path in files.values())
    await _require_space(sftp, board, folder, size)
    for parent in sorted({posixpath.dirname(name) for name in files} - {""}):
        await sftp.makedirs(f"{folder}/{parent}", exist_ok=True)
    for name, path in files.items():
        remote = f"{folder}/{name}"
        await sftp.put(path, remote)
        executable = path.stat().st_mode & stat.S_IXUSR
        await sftp.chmod(remote, 0o700 if executable else 0o600)
    return size


async def _require_space(sftp: asyncssh.SFTPClient, board: str, folder: str, size: int) -> None:
    try:
        disk = await sftp.statvfs(folder)
    except asyncssh.SFTPOpUnsupported:
        return
    free = (disk.bavail or 0) * (disk.frsize or 0)
    if free < size + _SPARE_BYTES:
        raise disk_full(board, f": {size} bytes to push, {free} bytes free")
