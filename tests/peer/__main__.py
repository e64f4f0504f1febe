"""Run the sample of FINN+'s tests, or all with BENCH_PEER=all; arguments are pytest's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

from layers import LAYERS

HERE = Path(__file__).resolve().parent
DOCKER = HERE.parent.parent / "docker"


def main() -> int:
    """The exit status of pytest."""
    site = Path(str(distribution("finn-plus-tests").locate_file("")))
    tests = site / "tests"
    with tempfile.TemporaryDirectory(prefix="bench-peer-") as work:
        command = [
            *(sys.executable, "-m", "pytest", "-p", "peer_plugin", "-p", "no:cacheprovider"),
            *("-c", str(tests / "pyproject.toml"), "--rootdir", str(site), "-q", "-n", "2"),
            *sys.argv[1:],
            *(str(tests / "fpgadataflow" / name) for name in LAYERS),
        ]
        folders = (HERE, DOCKER / "common", DOCKER / "finn")
        environment = {
            **os.environ,
            "PEER_WORK": work,
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            # FINN+ would start further processes, which know nothing of our simulator.
            "NUM_DEFAULT_WORKERS": "1",
            # Cycles without an output after which FINN+ gives up
            "LIVENESS_THRESHOLD": "100000",
        }
        return subprocess.run(command, cwd=work, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
