"""Find the keys for logging in to a board."""

from __future__ import annotations

import os
from pathlib import Path

import asyncssh

from bench.boards.base import Address
from bench.boards.pool import Remote
from bench.boards.trust import require_trusted
from bench.errors import BoardError, ConfigError

_KEY_FILES = ("id_ed25519", "id_ecdsa", "id_rsa")


def address_of(remote: Remote) -> Address:
    """Where and how to log in.

    Raises:
        BoardError: Its host key is not trusted, or there is no key to offer.
        ConfigError: The named key file cannot be used.
    """
    agent = os.environ.get("SSH_AUTH_SOCK") or None
    keys = (_read_named(Path(remote.key)),) if remote.key else _usual_keys()
    if not keys and agent is None:
        raise BoardError(
            f"There is no key to log in to {remote.name} with: no SSH agent runs, and ~/.ssh has "
            "no private key without a passphrase.",
            "Make a key with `ssh-keygen -t ed25519` and install it there with "
            f"`ssh-copy-id {remote.user}@{remote.host}`, or load yours with `ssh-add`.",
        )
    return Address(
        host=remote.host,
        port=remote.port,
        user=remote.user,
        host_key=require_trusted(remote.host, remote.port),
        client_keys=keys,
        agent_path=None if remote.key else agent,
    )


def _read_named(path: Path) -> asyncssh.SSHKey:
    path = path.expanduser()
    try:
        return asyncssh.read_private_key(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.", "Name a private key file.") from None
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        if "passphrase" in str(error).lower():
            raise ConfigError(
                f"{path} is protected by a passphrase.",
                "Load it into an SSH agent with `ssh-add`, and leave `key` out.",
            ) from None
        raise ConfigError(f"{path}: {error}.", "Name a private key file.") from None


def _usual_keys() -> tuple[asyncssh.SSHKey, ...]:
    """Keys in the usual places; those with a passphrase are the agent's business."""
    keys = []
    for name in _KEY_FILES:
        try:
            keys.append(asyncssh.read_private_key(Path.home() / ".ssh" / name))
        except (OSError, asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
            continue
    return tuple(keys)
