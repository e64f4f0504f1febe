"""The slowest layer of each folding of a grid, and what it costs: known before anything is run."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table

from bench.console.terminal import Terminal
from bench.grids.foldings import Folding, FoldingTable, layer_cycles, misfits
from bench.grids.grid import layers
from bench.grids.tables import Grid
from contract.architecture import LayerShape

HERTZ_PER_MHZ = 1e6


def show_bottlenecks(grid: Grid, console: Terminal) -> None:
    """Print a line for each folding: its slowest layer, which sets the interval."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("folding", overflow="fold")
    table.add_column("slowest layer", overflow="fold")
    for heading in ("cycles", "fps", "of it, by layer"):
        table.add_column(heading, justify="right", no_wrap=True)
    for shapes in dict.fromkeys(layers(grid.train, dataset) for dataset in grid.train.dataset):
        for folding in grid.folds:
            table.add_row(folding.name, *_cells(folding, shapes, grid.build.clock_mhz))
    console.print(table)


def _cells(folding: Folding, shapes: tuple[LayerShape, ...], clock_mhz: float) -> Iterator[str]:
    hertz = clock_mhz * HERTZ_PER_MHZ
    if folding.layers is None:
        assert folding.target_fps is not None
        yield "by FINN's search"
        # It goes on until the target is met, and no layer takes longer than unfolded.
        unfolded = max(layer_cycles(shapes, ((1, 1),) * len(shapes)))
        most = min(hertz / folding.target_fps, unfolded)
        yield from (f"<= {most:,.0f}", f">= {hertz / most:,.0f}", "")
        return
    if misfit := next(misfits(folding.layers, shapes), None):
        yield from (f"none: {misfit[0]}", "", "", "")
        return
    cycles = layer_cycles(shapes, folding.layers)
    slowest = max(cycles)
    yield _named(cycles.index(slowest), shapes, folding.layers, cycles.count(slowest) - 1)
    yield from (f"{slowest:,.0f}", f"<= {hertz / slowest:,.0f}")
    yield " ".join(f"{100 * each / slowest:.0f}" for each in cycles) + " %"


def _named(index: int, shapes: tuple[LayerShape, ...], table: FoldingTable, equals: int) -> str:
    layer, (pe, simd) = shapes[index], table[index]
    also = f"; {equals} more like it" if equals else ""
    return f"{index + 1}: {layer.inputs} to {layer.outputs}, PE {pe}, SIMD {simd}{also}"
