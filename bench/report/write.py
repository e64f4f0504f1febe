"""Write results to files; numbers are rounded in prose, never in the CSV."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from bench.errors import store_error
from bench.report import cells, fastest, remarks
from bench.report.cells import Cells
from bench.report.spread import over_seeds
from bench.report.summary import summarize
from bench.report.timing import read_timing, timing_line
from bench.results import File, Place, Row
from bench.results.frame import rows_of
from bench.system.files import write_atomic
from bench.words import NOT_DONE, Status

TABLES = (Place.THROUGHPUT, Place.RESOURCES)


def write(results: pd.DataFrame, grid: str, folder: Path) -> tuple[Path, ...]:
    """Write `results.csv` and `results.md` to `folder`; the paths written.

    Raises:
        StoreError: The folder cannot be written.
    """
    timing = read_timing(folder)
    text = _as_markdown(rows_of(results), grid, timing_line(timing) if timing else None)
    return _save({str(File.RESULTS): results.to_csv(index=False), "results.md": text}, folder)


def write_more(
    results: pd.DataFrame, trainings: pd.DataFrame, grid: str, folder: Path
) -> tuple[Path, ...]:
    """Write `trainings.csv` and, where a point has several seeds, `seeds.csv` and `seeds.md`.

    Raises:
        StoreError: The folder cannot be written.
    """
    texts = {str(File.TRAININGS): trainings.to_csv(index=False)}
    if results["seed"].nunique() > 1:
        spread = over_seeds(results)
        texts["seeds.csv"] = spread.to_csv(index=False)
        rows = rows_of(spread)
        names = cells.names(cells.over_seeds_name(rows))
        texts["seeds.md"] = (
            f"# Grid '{grid}' over its seeds\n\n"
            f"{_table(rows, (cells.DATASET, names, *cells.spread()))}\n\n"
            "Mean and standard deviation (of a sample); more columns: seeds.csv.\n"
        )
    return _save(texts, folder)


def _save(texts: Mapping[str, str], folder: Path) -> tuple[Path, ...]:
    """Write each text to the file of its name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise store_error(error, folder) from error
    return tuple(folder / name for name in texts)


def _as_markdown(rows: Sequence[Row], grid: str, timing: str | None) -> str:
    several = (cells.DATASET,) if cells.several(rows, "dataset") else ()
    first = (*several, cells.names(cells.name_of(rows, with_dataset=False)))
    wrong = remarks.reason_lines(rows, (Status.WRONG,))
    stopped = remarks.reason_lines(rows, NOT_DONE)
    notes = remarks.notes(rows)
    shown = {c.name: c for place in TABLES for c in cells.columns_of(place, rows)}
    sources = [f"`{name}`: {column.origin}; {column.source}" for name, column in shown.items()]
    return (
        f"# Results of grid '{grid}'\n\n"
        + (f"## WRONG: not to be used\n\n{_list(wrong, '')}\n\n" if wrong else "")
        + _fastest(rows)
        + f"{_table(summarize(rows), (cells.DATASET, *cells.SUMMARY))}\n\n"
        + "".join(f"{_table(rows, (*first, *cells.shown_in(place, rows)))}\n\n" for place in TABLES)
        + (f"{_list(notes, '')}\n\n" if notes else "")
        + f"## Throughput ratios\n\n"
        f"{_list(remarks.ratio_lines(rows), 'None: fewer than two foldings simulated.')}\n\n"
        f"## Synthesis\n\n{_list(remarks.synthesis_lines(rows), '')}\n\n"
        f"## Not done\n\n"
        f"{_list(stopped, 'Nothing is infeasible, nothing failed.')}"
        f"\n\n## Time\n\n{timing or 'Nothing was made for this report.'}\n\n"
        f"## Where the numbers come from\n\n{_list(sources, '')}\n\n"
        "Unrounded numbers and more columns: results.csv. What the terms mean: index.html, under "
        "Words.\n"
    )


def _fastest(rows: Sequence[Row]) -> str:
    designs, columns = fastest.table(rows, with_dataset=True)
    return f"## The fastest design that fits, at each precision\n\n{_table(designs, columns)}\n\n"


def _list(lines: list[str], none: str) -> str:
    return "\n".join(f"- {_one_line(line)}" for line in lines) or none


def _one_line(text: str) -> str:
    """Text of any tool's as an item of a list in Markdown, which takes `<` for HTML."""
    return html.escape(" ".join(text.split()), quote=False)


def _table(rows: Sequence[Row], columns: Sequence[Cells]) -> str:
    """A table in Markdown."""
    table = [
        [column.heading for column in columns],
        ["---"] * len(columns),
        *cells.as_texts(rows, columns),
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in table)
