"""What every board offers the measure stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import asyncssh
from pydantic import BaseModel, ConfigDict

KEYS_ONLY: Mapping[str, Any] = {
    "config": None,
    "x509_trusted_certs": None,
    "gss_kex": False,
    "gss_auth": False,
    "host_based_auth": False,
    "kbdint_auth": False,
    "password_auth": False,
    "compression_algs": ["none"],
}
"""For either end of a connection: no setting, certificate or password of the user's may slip in."""

Log = Callable[[str], None]


@dataclass(frozen=True)
class Address:
    """Where a board answers, and the keys on both sides.

    Attributes:
        host_key: The only host key that is accepted.
        client_keys: The keys that are offered.
        agent_path: The socket of an SSH agent whose keys are offered too; None for no agent.
    """

    host: str
    port: int
    user: str
    host_key: asyncssh.SSHKey = field(repr=False)
    client_keys: tuple[asyncssh.SSHKey, ...] = field(repr=False)
    agent_path: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}:{self.port}"


class Identity(BaseModel):
    """What a board says it is.

    Attributes:
        board: Name as in `bench.grids.catalog.BOARD_PARTS`.
        part: The FPGA's part number.
        measured_on: What its numbers are: `emulated-board` or `board`.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    board: str
    part: str
    measured_on: str


class Probe(Identity):
    """A board's identity and the state of the machine that it answers from.

    Attributes:
        python: Version of its `python3`.
        machine: Its processor architecture.
        free_bytes: Free space in its home folder.
    """

    python: str
    machine: str
    free_bytes: int


class Refusal(BaseModel):
    """What the program on the board says when it cannot do what it is asked for."""

    model_config = ConfigDict(frozen=True, strict=True)

    error: str
    remedy: str


@dataclass(frozen=True)
class Pushed:
    """What a push sent.

    Attributes:
        files: Names sent; files that were there unchanged are not among them.
        bytes: Bytes sent.
    """

    files: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Completed:
    """How a command on the board ended.

    Attributes:
        status: Exit status; negative when a signal ended it.
        stdout: All that it printed.
        errors: The last lines that it printed to standard error.
    """

    status: int
    stdout: str
    errors: tuple[str, ...]


class Board(Protocol):
    """A board that is ours, with a private folder on it that goes with the session.

    Every method raises `bench.errors.BoardError` with what to do about it.
    """

    async def probe(self) -> Probe:
        """Ask the board what it is."""

    async def push(self, files: Mapping[str, Path]) -> Pushed:
        """Bring files to the folder, by relative name; sends only what the board lacks."""

    async def run(
        self, command: Sequence[str], limit_s: float, on_line: Log | None = None
    ) -> Completed:
        """Run a command in the folder; whatever still runs after `limit_s` seconds is killed.

        Args:
            command: Program and arguments; no shell looks at them.
            limit_s: Seconds.
            on_line: Takes each line of standard error; the log, when left out.
        """

    async def fetch(self, name: str, target: Path) -> None:
        """Bring the folder's file `name` to `target`, streamed and checked.

        What a broken connection leaves beside `target` is gone on with by the next fetch.
        """
