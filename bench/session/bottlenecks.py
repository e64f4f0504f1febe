"""The slowest layer of each folding of a grid, and what it costs: known before anything is run."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table

from bench.console.terminal import Terminal
from bench.flows import Bottleneck, flow_named
from bench.grids.grid import layers
from bench.grids.tables import Grid

HERTZ_PER_MHZ = 1e6


def show_bottlenecks(grid: Grid, console: Terminal) -> None:
    """Print a line for each folding: its slowest layer, which sets the interval."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("folding", overflow="fold")
    table.add_column("slowest layer", overflow="fold")
    for heading in ("cycles", "fps", "of it, by layer"):
        table.add_column(heading, justify="right", no_wrap=True)
    foldings = flow_named(grid.flow).foldings
    for shapes in dict.fromkeys(layers(grid.train, dataset) for dataset in grid.train.dataset):
        for folding in grid.folds:
            slowest = foldings.bottleneck(folding, shapes, grid.build.clock_mhz)
            table.add_row(folding.name, slowest.layer, *_numbers(slowest, grid.build.clock_mhz))
    console.print(table)


def _numbers(slowest: Bottleneck, clock_mhz: float) -> Iterator[str]:
    if slowest.cycles is None:
        yield from ("", "", "")
        return
    fps = clock_mhz * HERTZ_PER_MHZ / slowest.cycles
    yield f"{'<= ' if slowest.is_bound else ''}{slowest.cycles:,.0f}"
    yield f"{'>=' if slowest.is_bound else '<='} {fps:,.0f}"
    yield " ".join(f"{100 * share:.0f}" for share in slowest.shares) + " %" * bool(slowest.shares)
