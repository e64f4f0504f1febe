"""How long `bench plan` takes for grids of thousands of points, and `bench` to start at all."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.grids.experiment import expand
from bench.grids.foldings import FOLDINGS_FILE
from bench.grids.grid import load_grid
from bench.paths import ROOT, environments_folder
from bench.pipeline import execute, plan
from bench.pipeline.assemble import assemble
from bench.runners.venv import VenvRunner
from benchmarks.figures import Figure

# Every pair of bits and both data sets at three foldings, for so many seeds; seconds to reach.
GOALS = {22: 3.0, 220: 30.0}
# Tasks that a partly filled store holds.
FILLED = 2000
GRID = """name = "large"
[train]
network = "TFC"
dataset = ["MNIST", "Fashion-MNIST"]
weight_bits = [2, 3, 4, 5, 6, 7, 8]
act_bits = [2, 3, 4, 5, 6, 7, 8]
seeds = {seeds}
epochs = 2
milestones = [1]
[build]
foldings = ["max", "mid", "low"]
board = "Pynq-Z1"
clock_mhz = 100.0
"""


def figures(
    folder: Path, timed: Callable[[Sequence[str]], float], idle: Callable[..., Any]
) -> Iterator[Figure]:
    """Time the commands.

    Args:
        folder: Empty; keeps grids and stores.
        timed: Runs a command to its end; the seconds that it took.
        idle: Does a stage's work as `Runner.run`, without doing any.
    """
    bench = [sys.executable, "-m", "bench"]
    yield Figure("bench --help", "s", [timed([*bench, "--help"]) for _ in range(3)], 0.5)
    shutil.copy(ROOT / "experiments" / FOLDINGS_FILE, folder)
    for seeds, goal in GOALS.items():
        file = folder / f"{seeds}.toml"
        file.write_text(GRID.format(seeds=list(range(seeds))), encoding="utf-8")
        points = 2 * 49 * 3 * seeds
        command = [*bench, "plan", str(file), "--runner", "venv", "--store"]
        empty = timed([*command, str(folder / "empty")])
        yield Figure(f"plan of {points:,} points, empty store", "s", [empty], goal)
        store = folder / f"filled-{seeds}"
        held = _fill(store, file, idle)
        filled = timed([*command, str(store)])
        yield Figure(f"the same, {held:,} of its tasks in the store", "s", [filled], goal)


def _fill(store: Path, file: Path, idle: Callable[..., Any]) -> int:
    """Do the first tasks of the grid without any work; how many artifacts there are then."""
    resolver = assemble(store, VenvRunner(environments_folder(store)))
    for runner in resolver.runners.values():
        runner.run = runner.prepare = idle  # type: ignore[method-assign]
        runner.check = lambda environment: None  # type: ignore[method-assign] # noqa: ARG005
    tasks = plan(expand(load_grid(file)))[:FILLED]
    summary = execute(tasks, resolver, 1, 1, lambda _: None)
    for error in summary.errors:
        raise error
    return summary.count("done")
