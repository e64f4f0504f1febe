"""The C++ compiler that turns Verilator's output into a simulator."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from contract import compiler as rule
from stagekit import StageError

LOG_LINES = 15


@dataclass(frozen=True)
class Compiler:
    """A working compiler.

    Attributes:
        command: The executable, and options that it is always given.
        version: First line of its `--version`.
        static: Flags that spare other machines the compiler's libraries; empty where the static
            variants are not installed.
    """

    command: tuple[str, ...]
    version: str
    static: tuple[str, ...]

    def run_all(self, commands: Sequence[Sequence[str]], folder: Path, processes: int) -> None:
        """Run several calls of the compiler, `processes` at a time, in `folder`.

        Raises:
            StageError: One of them failed.
        """
        with ThreadPoolExecutor(max_workers=max(1, processes)) as pool:
            list(pool.map(lambda arguments: run([*self.command, *arguments], folder), commands))


def find_compiler() -> Compiler:
    """The compiler that bench found before the run, by the same rule.

    Raises:
        StageError: There is none.
    """
    command = rule.find_compiler()
    if command is None:
        raise StageError(rule.describe_missing(), rule.REMEDY)
    version = run([*command, "--version"]).splitlines()[0]
    library = run([*command, "-print-file-name=libstdc++.a"]).strip()
    static = ("-static-libstdc++", "-static-libgcc") if Path(library).is_absolute() else ()
    return Compiler(command, version, static)


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
        # The worker's own standard input ends with the orchestrator: not the child's to read.
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        # Verilator cuts lines of sources wherever they get too long, inside a character, too.
        errors="replace",
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
