"""Data between bench and a board: addresses, identities, answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

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
"""For both ends of a connection: the user's settings, certificates and passwords are not used."""

Log = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Address:
    """The address of a board, and the keys on both sides.

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
    """What a board says that it is.

    Attributes:
        board: Name as in a flow's `boards`.
        part: The FPGA's part number.
        measured_on: What its numbers are: `emulated-board` or `board`.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    board: str
    part: str
    measured_on: str


class Probe(Identity):
    """A board's identity, its `python3`, its processor and the free space in its home folder."""

    python: str
    machine: str
    free_bytes: int


class Refusal(BaseModel):
    """The error document of the program on the board."""

    model_config = ConfigDict(frozen=True, strict=True)

    error: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What a push sent: the names of files that the board did not have, and their bytes."""

    files: tuple[str, ...]
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Completed:
    """How a command on the board ended.

    Attributes:
        status: Exit status; negative if a signal ended it.
        errors: The last lines of standard error.
    """

    status: int
    stdout: str
    errors: tuple[str, ...]
