"""The user's settings of pip, as far as they say where packages come from.

The locks alone decide which packages are installed, and bench where. All other settings of pip,
such as a constraint on torch or `user`, are ignored. Standard library only: `tools/venv.py` uses it
before anything is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping

# How pip reaches what it installs.
KEPT = frozenset((
    "cache-dir", "cert", "client-cert", "default-timeout", "extra-index-url", "find-links",
    "index-url", "keyring-provider", "no-cache-dir", "no-index", "proxy", "resume-retries",
    "retries", "timeout", "trusted-host", "use-deprecated", "use-feature",
))  # fmt: skip
# Not kept, and of no consequence.
SILENT = frozenset((
    "config-file", "disable-pip-version-check", "log", "no-color", "no-input", "progress-bar",
    "quiet", "require-virtualenv", "root-user-action", "verbose",
))  # fmt: skip
SECONDS = 60
# Not by `pip config list`, which would itself heed `user = 1` and show the user's file only.
# Newer versions of pip give items by file.
_LIST = """
import json
from pip._internal.configuration import Configuration
settings = Configuration(isolated=False)
settings.load()
items = [(k, v) for k, v in settings.items() if not isinstance(v, dict)]
items += [item for _, v in settings.items() if isinstance(v, dict) for item in v.items()]
print(json.dumps(items))
"""


def settings(
    command: str, variables: Mapping[str, str] = os.environ, python: str = sys.executable
) -> dict[str, str]:
    """Every setting that pip's `command` would heed, by name as in its files: `index-url`.

    Raises:
        ValueError: pip cannot read its files; says why.
    """
    done = subprocess.run(
        (python, "-c", _LIST),
        env=without_python(variables),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        raise ValueError(done.stderr.strip())
    sections: dict[str, dict[str, str]] = {"global": {}, command: {}, ":env:": {}}
    for key, value in json.loads(done.stdout):
        section, _, name = key.partition(".")
        if section in sections:
            sections[section][name] = str(value)
    return {name: value for section in sections.values() for name, value in section.items()}


def as_variables(wanted: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for pip: `variables`, and the settings of `wanted` in `KEPT`."""
    others = {k: v for k, v in without_python(variables).items() if not k.startswith("PIP_")}
    kept = {f"PIP_{k.upper().replace('-', '_')}": v for k, v in wanted.items() if k in KEPT}
    return {**others, **kept, "PIP_CONFIG_FILE": os.devnull}


def ignored(wanted: Mapping[str, str]) -> list[str]:
    """The settings of `wanted` that would change what is installed, or where."""
    return sorted(name for name in wanted if name not in KEPT | SILENT)


def without_python(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` without those that make Python import other modules."""
    return {name: value for name, value in variables.items() if not name.startswith("PYTHON")}
