"""Results on a terminal: tables that are split rather than cut off, and what has to be said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from bench.console.terminal import Terminal, styled
from bench.console.text import counted, printable
from bench.report import cells, remarks
from bench.report.cells import Columns
from bench.report.spread import over_seeds
from bench.report.summary import summarize
from bench.words import NOT_DONE, Status

# More points than that are summed up.
MANY = 60
LINES_SHOWN = 6
NAME = "experiment"
STYLES = {"WRONG": "red bold", "NO": "red"}


def show(results: pd.DataFrame, grid: str, console: Terminal) -> None:
    """Print the tables, the ratios, and what has to be said; nothing is wider than the console."""
    networks = ", ".join(dict.fromkeys(results["network"] + " on " + results["dataset"]))
    console.print(styled("\n[bold]Results of grid '{}'[/]: {}", grid, networks))
    if len(results) > MANY:
        _print(console, summarize(results), cells.SUMMARY, None)
        console.print(f"{counted(len(results), 'point')}; each one is in results.csv.")
    else:
        name = cells.name_of(results, with_dataset=False)
        for columns in (cells.THROUGHPUT, cells.RESOURCES):
            _print(console, results, columns, name)
    if results["seed"].nunique() > 1 and len(results) <= MANY:
        spread = over_seeds(results)
        _print(console, spread, cells.SPREAD, cells.over_seeds_name(spread))
    _say(console, results)


def _say(console: Terminal, results: pd.DataFrame) -> None:
    for lines in (
        remarks.ratio_lines(results),
        remarks.clock_lines(results),
        remarks.torch_lines(results),
        remarks.part_lines(results),
        remarks.synthesis_lines(results),
    ):
        for line in _few(lines):
            console.print(line)
    for line in remarks.reason_lines(results, (Status.DONE, *NOT_DONE)):
        console.print(line)
    for line in remarks.reason_lines(results, (Status.WRONG,)):
        console.print(line, style="red")


def _few(lines: list[str]) -> list[str]:
    """The first lines, and how many there are besides."""
    if len(lines) <= LINES_SHOWN:
        return lines
    return [*lines[:LINES_SHOWN], f"... and {len(lines) - LINES_SHOWN} more, in results.md"]


def _print(
    console: Terminal, rows: pd.DataFrame, columns: Columns, name: Callable[[Any], str] | None
) -> None:
    named = {NAME: name} | columns if name else columns
    texts = [[printable(cell(row)) for cell in named.values()] for _, row in rows.iterrows()]
    headings = list(named)
    widths = [
        max(map(cell_len, (heading, *(line[nth] for line in texts))))
        for nth, heading in enumerate(headings)
    ]
    for chosen in fitting(widths, console.width):
        console.print(_table(headings, texts, chosen, rows["dataset"]))


def fitting(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """The columns of each table into which one is split so that none is wider than `width`.

    The first column names the rows and is in every table.

    Args:
        widths: Of all columns.
        width: Of the console; a blank stands on either side and between columns.
    """
    chosen, used = [0], widths[0] + 2
    for nth, own in enumerate(widths[1:], 1):
        if used + own + 1 > width and len(chosen) > 1:
            yield chosen
            chosen, used = [0], widths[0] + 2
        chosen.append(nth)
        used += own + 1
    yield chosen


def _table(
    headings: Sequence[str],
    texts: Sequence[Sequence[str]],
    chosen: Sequence[int],
    datasets: pd.Series,
) -> Table:
    """A table of the columns `chosen`; several data sets get a line each above their rows."""
    table = Table(box=box.SIMPLE_HEAD, padding=0)
    for nth in chosen:
        heading = headings[nth]
        left = heading in cells.TEXT_COLUMNS
        # A name that is wider than the console breaks into lines; nothing is cut off.
        table.add_column(
            heading, justify="left" if left else "right", no_wrap=nth != 0, overflow="fold"
        )
    above = None
    for line, dataset in zip(texts, datasets, strict=True):
        if datasets.nunique() > 1 and dataset != above:
            above = dataset
            table.add_row(styled("[bold]{}[/]", dataset))
        table.add_row(*(Text(line[nth], style=STYLES.get(line[nth], "")) for nth in chosen))
    return table
