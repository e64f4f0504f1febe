"""Files to and from a board over SFTP, resumed where a broken connection left off."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncssh

SPARE_BYTES = 1 << 20
# Within a block, parts may arrive in any order; the next block starts after all of it.
BLOCK_BYTES = 4 << 20


async def send(sftp: asyncssh.SFTPClient, path: Path, remote: str, there: int) -> int:
    """Send a file of which the board has the first `there` bytes; returns how many were sent.

    Only the last block on the board can have holes; it is sent again.

    Raises:
        asyncssh.Error: The transfer failed.
    """
    offset = max(0, there - 1) // BLOCK_BYTES * BLOCK_BYTES
    sent = 0
    mode = asyncssh.FXF_WRITE | asyncssh.FXF_CREAT | (0 if offset else asyncssh.FXF_TRUNC)
    with path.open("rb") as file:
        file.seek(offset)
        async with sftp.open(remote, mode, encoding=None) as target:
            while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
                await target.write(block, offset + sent)
                sent += len(block)
    return sent


async def receive(sftp: asyncssh.SFTPClient, remote: str, part: Path) -> int:
    """Fetch what `part` lacks of the board's file `remote`; returns how many bytes were received.

    A part has no holes: a block is written once all of it is there.

    Raises:
        asyncssh.Error: The transfer failed.
        OSError: This machine's disk failed.
    """
    received = 0
    with part.open("ab") as file:
        there = file.tell()
        async with sftp.open(remote, asyncssh.FXF_READ, encoding=None) as source:
            while block := await source.read(BLOCK_BYTES, there + received):
                assert isinstance(block, bytes)  # without an encoding
                await asyncio.to_thread(file.write, block)
                received += len(block)
    return received


async def free_bytes(sftp: asyncssh.SFTPClient, folder: str) -> int | None:
    """Free space on the board's disk; None where its server cannot tell."""
    try:
        disk = await sftp.statvfs(folder)
    except asyncssh.SFTPOpUnsupported:
        return None
    return (disk.bavail or 0) * (disk.frsize or 0)
