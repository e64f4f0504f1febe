"""Results on a terminal: tables that are split rather than cut off, and remarks."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.text import Text

from bench.console.tables import Column, Table
from bench.console.terminal import Terminal, styled
from bench.console.text import counted, printable
from bench.report import cells, fastest, remarks
from bench.report.cells import Cells
from bench.report.spread import over_seeds
from bench.report.summary import summarize
from bench.results import Place
from bench.results.formats import NO
from bench.results.frame import rows_of
from bench.words import NOT_DONE, Status

# Larger grids are summarized.
MANY = 60
LINES_SHOWN = 6
STYLES = {Status.WRONG.upper(): "red bold", NO: "red"}


def show(results: pd.DataFrame, grid: str, console: Terminal) -> None:
    """Print the tables, the ratios and the remarks; nothing is wider than the console."""
    rows = rows_of(results)
    networks = ", ".join(dict.fromkeys(f"{row['network']} on {row['dataset']}" for row in rows))
    console.print(styled("\n[bold]Results of grid '{}'[/]: {}", grid, networks))
    _print_fastest(console, rows)
    if len(rows) > MANY:
        _print(console, summarize(rows), cells.SUMMARY)
        console.print(f"{counted(len(rows), 'point')}; each one is in results.csv.")
    else:
        name = cells.names(cells.name_of(rows, with_dataset=False))
        for place in (Place.THROUGHPUT, Place.RESOURCES):
            _print(console, rows, (name, *cells.shown_in(place, rows)))
        if cells.several(rows, "seed"):
            seeds = rows_of(over_seeds(results))
            name = cells.names(cells.over_seeds_name(seeds))
            _print(console, seeds, (name, *cells.spread()))
    _print_remarks(console, rows)


def _print_fastest(console: Terminal, rows: remarks.Rows) -> None:
    """The fastest design that fits at each precision; of many precisions those of equal widths."""
    designs, columns = fastest.table(rows, with_dataset=False)
    few = len(designs) <= fastest.SHOWN
    shown = designs if few else [design for design in designs if design["alike"]]
    _print(console, shown, columns)
    if more := len(designs) - len(shown):
        console.print(f"... and {counted(more, 'precision')} more, in results.md")


def _print_remarks(console: Terminal, rows: remarks.Rows) -> None:
    for lines in (
        remarks.ratio_lines(rows),
        remarks.clock_lines(rows),
        remarks.tie_lines(rows),
        remarks.label_lines(rows),
        remarks.part_lines(rows),
        remarks.core_lines(rows),
        remarks.variant_lines(rows),
        remarks.fit_lines(rows),
        remarks.misfit_lines(rows),
        remarks.model_lines(rows),
        remarks.netlist_lines(rows),
        remarks.synthesis_lines(rows),
    ):
        for line in _few(lines):
            console.print(line)
    for line in remarks.reason_lines(rows, (Status.DONE, *NOT_DONE)):
        console.print(line)
    for line in remarks.reason_lines(rows, (Status.WRONG,)):
        console.print(line, style="red")


def _few(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are."""
    if len(lines) <= LINES_SHOWN:
        return lines
    return [*lines[:LINES_SHOWN], f"... and {len(lines) - LINES_SHOWN} more, in results.md"]


def _print(console: Terminal, rows: remarks.Rows, table: Sequence[Cells]) -> None:
    """Print a table; several data sets get a line each above their rows."""
    shown = Table(
        [
            Column(
                heading=column.heading, numeric=column.numeric, once=column.once,
                group=column.group, wraps=column.wraps,
            )
            for column in table
        ]
    )  # fmt: skip
    datasets = [str(row["dataset"]) for row in rows]
    above = datasets[0] if len(set(datasets)) == 1 else None
    for line, dataset in zip(cells.as_texts(rows, table), datasets, strict=True):
        if dataset != above:
            above = dataset
            shown.add_headline(styled("[bold]{}[/]", dataset))
        shown.add(*(Text(printable(text), style=STYLES.get(text, "")) for text in line))
    shown.show(console)
