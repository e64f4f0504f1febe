"""The C++ compiler that turns Verilator's output into a simulator."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from stagekit import StageError

# g++ first: with the stand-ins it is fast enough, and where both are there the executable should
# not depend on which of the two somebody happened to install.
CANDIDATES = ("g++", "clang++")
LOG_LINES = 15


@dataclass(frozen=True)
class Compiler:
    """A working compiler.

    Attributes:
        path: The executable.
        version: First line of its `--version`.
        static: Flags that spare other machines the compiler's libraries; empty where the static
            variants are not installed.
    """

    path: str
    version: str
    static: tuple[str, ...]

    def run_all(self, commands: Sequence[Sequence[str]], folder: Path, processes: int) -> None:
        """Run several calls of the compiler, `processes` at a time, in `folder`.

        Raises:
            StageError: One of them failed.
        """
        with ThreadPoolExecutor(max_workers=max(1, processes)) as pool:
            list(pool.map(lambda arguments: run([self.path, *arguments], folder), commands))


def find_compiler() -> Compiler:
    """The first of `CANDIDATES` on the PATH.

    Raises:
        StageError: There is none.
    """
    for name in CANDIDATES:
        path = shutil.which(name)
        if path is not None:
            break
    else:
        raise StageError(
            "No C++ compiler was found; the simulator has to be compiled.",
            "Install g++: package `g++` on Debian and Ubuntu, `gcc-c++` on Fedora and openSUSE.",
        )
    version = run([path, "--version"]).splitlines()[0]
    library = run([path, "-print-file-name=libstdc++.a"]).strip()
    static = ("-static-libstdc++", "-static-libgcc") if Path(library).is_absolute() else ()
    return Compiler(path, version, static)


def run(command: Sequence[str], folder: Path | None = None, **environment: str) -> str:
    """Standard output of a command.

    Args:
        command: Program and arguments.
        folder: Where to run it.
        environment: Its whole environment, where given; by default the caller's.

    Raises:
        StageError: It failed; with its errors, or else the end of what it printed.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment or None,
        # The worker's own standard input is the orchestrator's leash: not the child's to read.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.stderr:
        print(done.stderr, end="", file=sys.stderr, flush=True)
    if done.returncode == 0:
        return done.stdout
    lines = (done.stdout + done.stderr).strip().splitlines()
    shown = "\n".join(_errors(lines) or lines[-LOG_LINES:])
    reason = f"was killed by signal {-done.returncode}" if done.returncode < 0 else "failed"
    remedy = "The log has its whole output; a full disk or too little memory show there."
    raise StageError(f"{Path(command[0]).name} {reason}:\n{shown}", remedy)


def _errors(lines: Sequence[str]) -> list[str]:
    """The lines of Verilator's errors, each with what follows indented, and not of its warnings."""
    found: list[str] = []
    inside = False
    for line in lines:
        inside = line.startswith("%Error") or (inside and line.startswith(" "))
        if inside and not line.startswith("%Error: Exiting"):
            found.append(line)
    return found[:LOG_LINES]
