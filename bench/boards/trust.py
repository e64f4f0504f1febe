"""Our own known_hosts file, which `bench board trust` fills."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncssh

from bench.boards.faults import explained
from bench.errors import BoardError, ConfigError
from bench.system.files import check_writable, write_atomic
from bench.system.locks import hold

_SSH_PORT = 22


def known_hosts_file() -> Path:
    """The file, in the user's configuration folder."""
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "finn-bench" / "known_hosts"


def trusted_key(host: str, port: int) -> asyncssh.SSHKey | None:
    """The trusted key of a host, if there is one.

    Raises:
        ConfigError: The file is damaged.
    """
    path = known_hosts_file()
    try:
        with _explained():
            text = path.read_text(encoding="utf-8") if path.exists() else ""
        matched = asyncssh.import_known_hosts(text).match(host, "", port)
    except ValueError as error:
        raise ConfigError(f"{path}: {error}.", "Correct or remove the file.") from None
    keys = list(matched[0])
    return keys[0] if keys else None


def require_trusted(host: str, port: int) -> asyncssh.SSHKey:
    """The trusted key of a host.

    Raises:
        BoardError: There is none.
    """
    key = trusted_key(host, port)
    if key is None:
        raise BoardError(
            f"The host key of {host}:{port} is not known; nothing was sent to it.",
            f"Look at it and trust it once: `bench board trust {_spell(host, port)}`.",
        )
    return key


async def offered_key(host: str, port: int, limit_s: float) -> asyncssh.SSHKey:
    """The host key that a host shows now.

    Raises:
        BoardError: It cannot be reached.
    """
    async with explained(f"{host}:{port}", "asking for its host key", limit_s):
        key = await asyncssh.get_server_host_key(host, port, config=None)
    if key is None:
        raise BoardError(f"{host}:{port} showed no host key.", "Check its SSH server.")
    return key


def trust(host: str, port: int, key: asyncssh.SSHKey) -> Path:
    """Trust only `key` for a host from now on; returns the file in which that is written."""
    path = known_hosts_file()
    pattern = host if port == _SSH_PORT else f"[{host}]:{port}"
    algorithm, encoded = key.export_public_key().decode().split()[:2]
    # Held from reading to writing, so that no concurrent addition is lost.
    with _explained(), hold(path.with_name(f"{path.name}.lock"), threading.Event()):
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if line.split(" ")[0] != pattern]
        text = "\n".join([*kept, f"{pattern} {algorithm} {encoded}", ""])
        write_atomic(path, text, mode=0o600)
    return path


def require_writable() -> None:
    """Raise `ConfigError` if the file cannot be written."""
    with _explained():
        check_writable(known_hosts_file().parent)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn errors of the operating system about the file into `ConfigError`."""
    try:
        yield
    except OSError as error:
        raise ConfigError(
            f"{known_hosts_file()}: {error.strerror}.",
            "Correct its permissions, or name another folder for it with XDG_CONFIG_HOME.",
        ) from error


def _spell(host: str, port: int) -> str:
    return host if port == _SSH_PORT else f"{host}:{port}"
