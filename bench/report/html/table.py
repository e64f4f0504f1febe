"""The full table of results: every point, done or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.report.cells import at_another_clock, estimated_lut, name_of, precision, stopped
from bench.report.material import Material

Formatter = Callable[[Any], str]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes:
        key: Column of the results.
        label: Heading.
        group: What all columns beneath the same heading share: where their numbers come from.
        text: Makes the cell's text of a value that is there.
        numeric: Whether it is aligned and sorted as a number.
        of_row: Makes the cell's text of the whole row, where its value alone does not tell.
    """

    key: str
    label: str
    group: str
    text: Formatter
    numeric: bool = True
    of_row: Callable[[Any], str] | None = None


@dataclass(frozen=True)
class Cell:
    """Text of a cell, and its CSS classes."""

    text: str
    classes: str = ""


@dataclass(frozen=True)
class Row:
    """A point: `number` is its place in results.csv, counted from 0.

    `label` names it within the table, whose columns tell the rest, `link` wherever else.
    """

    number: int
    name: str
    label: str
    link: str
    status: str
    stopped: str
    reason: str
    cells: tuple[Cell, ...]


def _percent(value: Any) -> str:
    return f"{value:.2%}"


def _whole(value: Any) -> str:
    return f"{value:,.0f}"


def _cycles(value: Any) -> str:
    return f"{value:,.2f}"


def _yes_no(value: Any) -> str:
    return "yes" if value else "NO"


def _clock(value: Any) -> str:
    return f"{value:g}"


def _as_torch(row: Any) -> str:
    return f"{row['agreeing_with_torch']:,} of {row['sim_images']:,}"


COLUMNS = (
    Column("dataset", "data set", "point", str, False),
    Column("weight_bits", "weight bits", "point", str),
    Column("act_bits", "act. bits", "point", str),
    Column("folding", "folding", "point", str, False),
    Column("seed", "seed", "point", str),
    Column("board", "board", "point", str, False),
    Column("accuracy", "accuracy", "trained", _percent),
    Column("ii_estimated", "interval", "estimated", _whole),
    Column("lut", "LUT", "estimated", _whole, of_row=estimated_lut),
    Column("bram18", "BRAM18", "estimated", _whole),
    Column("dsp", "DSP", "estimated", _whole),
    Column("fits", "fits", "estimated", _yes_no, False),
    Column("sim_accuracy", "accuracy", "rtl-sim", _percent),
    Column("bit_exact", "bit-exact", "rtl-sim", _yes_no, False),
    Column("agreeing_with_torch", "as torch", "rtl-sim", _whole, of_row=_as_torch),
    Column("ii_simulated", "interval", "rtl-sim", _cycles),
    Column("latency_cycles", "latency", "rtl-sim", _whole),
    Column("fps_core", "images/s", "rtl-sim", _whole),
    Column("fps_measured", "images/s", "measured", _whole),
    Column("clock_measured_mhz", "at MHz", "measured", _clock),
    Column("measured_on", "on", "measured", str, False),
    Column("lut_synth", "LUT", "Vivado", _whole),
    Column("bram18_synth", "BRAM18", "Vivado", _whole),
    Column("dsp_synth", "DSP", "Vivado", _whole),
    Column("fmax_mhz", "fmax (MHz)", "Vivado", _whole),
)
# Left out where all points agree: the page says it once.
_ONLY_IF_DIFFERENT = ("seed", "board", "dataset")


def columns_of(results: pd.DataFrame) -> tuple[Column, ...]:
    """The columns that say something about these results."""
    return tuple(column for column in COLUMNS if _says_something(column, results))


def _says_something(column: Column, results: pd.DataFrame) -> bool:
    if column.key in _ONLY_IF_DIFFERENT:
        return bool(results[column.key].nunique() > 1)
    if column.key == "clock_measured_mhz":
        return any(at_another_clock(row) for _, row in results.iterrows())
    return column.group != "Vivado" or bool(results[column.key].notna().any())


def groups_of(columns: tuple[Column, ...]) -> list[tuple[str, int]]:
    """Headings over neighbouring columns, and how many each one spans."""
    groups: list[tuple[str, int]] = []
    for column in columns:
        if groups and groups[-1][0] == column.group:
            groups[-1] = (column.group, groups[-1][1] + 1)
        else:
            groups.append((column.group, 1))
    return groups


def rows_of(material: Material, columns: tuple[Column, ...]) -> list[Row]:
    """Every point of the grid, in its order."""
    link = name_of(material.results, with_dataset=True)
    return [
        _row(number, name, link(row), row, columns)
        for number, (name, (_, row)) in enumerate(
            zip(material.names, material.results.iterrows(), strict=True)
        )
    ]


def _row(number: int, name: str, link: str, row: pd.Series, columns: tuple[Column, ...]) -> Row:
    return Row(
        number=number,
        name=name,
        label=f"{precision(row)} {row['folding']}",
        link=link,
        status=str(row["status"]),
        stopped=stopped(row),
        reason="" if pd.isna(row["reason"]) else str(row["reason"]),
        cells=tuple(_cell(row, column) for column in columns),
    )


def _cell(row: pd.Series, column: Column) -> Cell:
    value = row[column.key]
    classes = "n" if column.numeric else ""
    if pd.isna(value):
        return Cell("-", f"{classes} none".strip())
    text = column.of_row(row) if column.of_row else column.text(value)
    return Cell(text, f"{classes} bad".strip() if text == "NO" else classes)
