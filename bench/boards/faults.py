"""Turn faults of SSH, of the network and of the board's disk into `BoardError`s."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncssh
from asyncssh.constants import FX_NO_SPACE_ON_FILESYSTEM, FX_QUOTA_EXCEEDED

from bench.errors import BoardError

_FULL = (FX_NO_SPACE_ON_FILESYSTEM, FX_QUOTA_EXCEEDED)

# A fault on this side of the connection: not the board's.
_OF_THIS_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE)


@asynccontextmanager
async def explained(board: str, doing: str, limit_s: float) -> AsyncIterator[None]:
    """Run the body for at most `limit_s` seconds; faults of SSH are raised as `BoardError`.

    `board` is its name for people, `doing` what the body does, e.g. `connecting`.

    Raises:
        BoardError: The board failed, or the connection to it.
        OSError: This machine's disk failed.
    """
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError as error:
        raise BoardError(
            f"{board} did not answer within {limit_s:g} s while {doing}.",
            "Check that the board is up and not overloaded, then rerun.",
        ) from error
    except asyncssh.Error as error:
        raise _of_ssh(board, doing, error) from error
    except OSError as error:
        if error.filename is not None or error.errno in _OF_THIS_MACHINE:
            raise
        raise _of_network(board, doing, error) from error


def disk_full(board: str, detail: str = "") -> BoardError:
    """The error for a board without free space; `detail` may say how much is missing."""
    return BoardError(
        f"The disk of {board} is full{detail}.",
        "Free some space on the board (`df -h` there shows where), then rerun.",
    )


def _of_ssh(board: str, doing: str, error: asyncssh.Error) -> BoardError:
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return BoardError(
            f"{board} showed a host key other than the one expected; nothing was sent to it.",
            "Another machine may answer at that address, or the board was set up again. Find "
            "out which before you trust the new key.",
        )
    if isinstance(error, asyncssh.PermissionDenied):
        return BoardError(
            f"{board} refused the key it was offered.",
            "Add the public key to ~/.ssh/authorized_keys on the board, or name the right key. "
            "Passwords are not used.",
        )
    if isinstance(error, asyncssh.SFTPError):
        return _of_sftp(board, doing, error)
    if isinstance(error, asyncssh.ConnectionLost | asyncssh.DisconnectError):
        return _lost(board, doing, error.reason)
    return BoardError(
        f"{board} failed while {doing}: {error}.",
        "The log says more; check the board's SSH server.",
    )


def _of_sftp(board: str, doing: str, error: asyncssh.SFTPError) -> BoardError:
    # Servers before SFTP version 5, OpenSSH among them, know no code for a full disk.
    if error.code in _FULL or "no space left" in error.reason.lower():
        return disk_full(board)
    if isinstance(error, asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection):
        return _lost(board, doing, error.reason)
    return BoardError(
        f"{board} failed while {doing}: {error.reason or 'no reason given'}.",
        "Check the disk and the permissions of the home folder on the board.",
    )


def _of_network(board: str, doing: str, error: OSError) -> BoardError:
    if error.errno == errno.ECONNREFUSED:
        return BoardError(
            f"{board} refused the connection.",
            "Check the address and the port, and that an SSH server runs on the board.",
        )
    if isinstance(error, ConnectionError):
        return _lost(board, doing, error.strerror)
    return BoardError(
        f"{board} cannot be reached while {doing}: {error.strerror or error}.",
        "Check the address, the cable and the network, then rerun.",
    )


def _lost(board: str, doing: str, reason: str | None) -> BoardError:
    return BoardError(
        f"The connection to {board} was lost while {doing}: {reason or 'closed'}.",
        "Check the network and the board's power, then rerun.",
    )
