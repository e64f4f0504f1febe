"""Look for what a measurement needs of a board, for `bench board probe`.

Prints one JSON document and changes nothing. Standard library only, Python 3.10 or newer.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PYNQ_PYTHON = Path("/usr/local/share/pynq-venv/bin/python3")
LOCK_FILE = Path.home() / ".bench" / "lock"


def main() -> None:
    """Print the document."""
    python = sys.executable if importlib.util.find_spec("pynq") is not None else str(PYNQ_PYTHON)
    power = [path.parent.name for path in Path("/sys/class/hwmon").glob("hwmon*/power*_input")]
    heat = [path.name for path in Path("/sys/bus/iio/devices").glob("iio:device*/in_temp*_raw")]
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "free_bytes": shutil.disk_usage(Path.home()).free,
        "busy": _holder(),
        "packages": {name: _version(python, name) for name in ("pynq", "finn-plus-driver")},
        "root": "is root" if os.geteuid() == 0 else ("sudo" if _may_sudo() else None),
        "power": ", ".join(sorted(power)) or None,
        "temperature": ", ".join(sorted(heat)) or None,
    }
    print(json.dumps(document))


def _holder() -> str | None:
    """Who holds this board now."""
    try:
        with LOCK_FILE.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read().decode(errors="replace") or "another run"
    except FileNotFoundError:
        pass  # nobody ever held it
    return None


def _version(python: str, name: str) -> str | None:
    """Version of a distribution that `python` has."""
    if not Path(python).exists():
        return None
    code = f"from importlib.metadata import version; print(version({name!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _may_sudo() -> bool:
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


main()
