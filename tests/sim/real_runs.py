"""Runs the real pipeline: Brevitas, FINN+, Verilator, SSH; on a network of 256 inputs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.paths import ROOT, environments_folder

GRID = ROOT / "experiments" / "tiny.toml"

# What a shell starts in the background ignores Ctrl-C, and so would everything that we start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Bench:
    """The `bench` command with a store of its own and the checkout's environments."""

    store: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command; its output, standard error included, is a pipe of lines."""
        environments = environments_folder(ROOT / "artifacts")
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "bench", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "BENCH_STORE": str(self.store),
                "BENCH_ENVIRONMENTS": str(environments),
            },
        )

    def run_grid(self, grid: Path = GRID) -> str:
        """Run the grid to its end; its output. Fails the test if the run fails."""
        running = self.start("run", str(grid), "--runner", "venv")
        output, _ = running.communicate(timeout=1200)
        assert running.returncode == 0, output
        return output

    def results(self, grid: str = "tiny") -> pd.DataFrame:
        return pd.read_csv(self.store / "reports" / grid / "results.csv")
