"""The full table of results: every point, done or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.cells import cell, name_of, several
from bench.report.cells import columns_of as columns_shown
from bench.report.material import Material
from bench.results import Column, Omit, Place, precision, state_label
from bench.results import Row as ResultsRow
from bench.results.formats import NO


@dataclass(frozen=True)
class Cell:
    """Text of a cell, and its CSS classes."""

    text: str
    classes: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A point: `number` is its place in results.csv, counted from 0.

    `label` names it within the table, whose columns tell the rest, `link` wherever else.
    """

    number: int
    name: str
    label: str
    link: str
    status: str
    state: str
    reason: str
    cells: tuple[Cell, ...]


def columns_of(rows: Sequence[ResultsRow]) -> tuple[Column, ...]:
    """The columns that say something about these results."""
    return tuple(c for c in columns_shown(Place.PAGE, rows) if _says_something(c, rows))


def _says_something(column: Column, rows: Sequence[ResultsRow]) -> bool:
    match column.omit:
        case Omit.CONSTANT:
            return several(rows, column.name)
        case Omit.ABSENT:
            return any(row[column.name] is not None for row in rows)
    return True


def label_of(column: Column) -> str:
    """The heading of `column` below that of its group."""
    return column.label or column.heading or column.name


def groups_of(columns: tuple[Column, ...]) -> list[tuple[str, int]]:
    """Headings over neighbouring columns, and how many each one spans."""
    groups: list[tuple[str, int]] = []
    for column in columns:
        if groups and groups[-1][0] == column.origin:
            groups[-1] = (column.origin, groups[-1][1] + 1)
        else:
            groups.append((column.origin, 1))
    return groups


def rows_of(material: Material, columns: tuple[Column, ...]) -> list[Row]:
    """Every point of the grid, in its order."""
    link = name_of(material.rows, with_dataset=True)
    return [
        Row(
            number=number,
            name=str(row["experiment"]),
            label=point_label(row),
            link=link(row),
            status=str(row["status"]),
            state=state_label(row),
            reason=row["reason"] or "",
            cells=tuple(_cell(column, row) for column in columns),
        )
        for number, row in enumerate(material.rows)
    ]


def point_label(row: ResultsRow) -> str:
    """What names it beside a column with its seed: bits and folding, such as `w2a2 low`."""
    bits = precision(row)
    return f"{bits} {row['folding']}" if bits else str(row["folding"])


def _cell(column: Column, row: ResultsRow) -> Cell:
    classes = "n" if column.form.numeric else ""
    text = cell(column, row)
    if not text:
        return Cell("-", f"{classes} none".strip())
    return Cell(text, f"{classes} bad".strip() if text == NO else classes)
