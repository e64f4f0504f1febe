"""Run a command-line tool that fetches something, with a time limit."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.console.text import excerpt
from bench.datasets.model import Reporter, SourceFailed

POLL_SECONDS = 0.05


def require(tools: Sequence[str]) -> None:
    """Raise `SourceFailed` unless all `tools` are installed."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise SourceFailed(f"needs {' and '.join(missing)}, not installed here")


def run_tool(
    command: Sequence[str],
    folder: Path,
    reporter: Reporter,
    seconds: float,
    environment: Mapping[str, str],
) -> None:
    """Run `command` in `folder`; its output goes to the log and to `output.txt` there.

    `environment` is added to the present variables; after `seconds`, the command is killed.

    Raises:
        SourceFailed: It failed or took too long.
        Cancelled: The run was interrupted; the tool and its children are dead.
    """
    reporter.log(f"$ {' '.join(command)}")
    output = folder / "output.txt"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C", **environment},
            start_new_session=True,
        )
        deadline = time.monotonic() + seconds
        try:
            while process.poll() is None:
                reporter.check_cancelled()
                if time.monotonic() > deadline:
                    raise SourceFailed(f"did not end within {seconds:g} s")
                time.sleep(POLL_SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # its group: the children, too
                process.wait()
            text = output.read_text(encoding="utf-8", errors="replace")
            reporter.log(text)
    if process.returncode != 0:
        raise SourceFailed(f"{command[0]} ended with code {process.returncode}: {_gist(text)}")


def _gist(output: str) -> str:
    """The line that says what went wrong: the first error, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:") or " error " in line]
    return excerpt(next(iter(errors or lines[-1:]), "it printed nothing"), 160)
