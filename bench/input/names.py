"""The rule for names from users that become names of folders, files and rows."""

from __future__ import annotations

import re
from pathlib import Path

from bench.console.text import printable
from bench.errors import ConfigError

LONGEST = 64
"""Characters of a name: names of rows consist of several, and a folder's name has at most 255."""
LONGEST_FILE = 200
"""Bytes of a file's name."""
RULE = f"at most {LONGEST} letters, digits, '.', '_', '+' and '-', the first a letter or digit"

HOST = r"(?=[A-Za-z0-9_])(?:[A-Za-z0-9_-]{1,63}\.){0,30}[A-Za-z0-9_-]{1,63}"
"""A regular expression for names and IPv4 addresses of machines."""
IPV6 = r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?"
USER = r"[A-Za-z0-9_][A-Za-z0-9._$-]{0,63}"

_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._+-]{{0,{LONGEST - 1}}}")


def is_name(text: str) -> bool:
    """Whether `text` may be part of the names of folders, files and rows."""
    return _NAME.fullmatch(text) is not None


def require_name(where: str, text: str) -> str:
    """`text`, if it is a name; `where` it is written begins the message.

    Raises:
        ConfigError: It is not a name.
    """
    if not is_name(text):
        raise ConfigError(f"{where}: {text!r} cannot be a name.", f"Use {RULE}.")
    return text


def require_file_name(path: Path) -> Path:
    """`path`, if a file of that name can be packed and unpacked anywhere.

    Raises:
        ConfigError: Its name is too long, or has a backslash or a control character.
    """
    name = path.name
    if "\\" in name or printable(name) != name or "\n" in name or "\t" in name:
        raise ConfigError(
            f"{path}: a file's name may have no backslash and no control character.", "Rename it."
        )
    if len(name.encode()) > LONGEST_FILE:
        raise ConfigError(
            f"{path}: a file's name may have at most {LONGEST_FILE} bytes.", "Rename it."
        )
    return path
