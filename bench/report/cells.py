"""Tables for people: which columns they have, and how a row's cells are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.results import (
    PART,
    Column,
    Omit,
    Place,
    Row,
    about_models,
    columns,
    named,
    precision,
)
from bench.results.formats import PERCENT, STATUS, TEXT, WHOLE, Format
from bench.words import Origin

SYNTHESIZED = " syn."


@dataclass(frozen=True, kw_only=True)
class Cells:
    """A column of a table for people.

    Attributes:
        heading: Over it.
        text: Makes a cell's text of a row.
        numeric: Whether it is aligned as numbers.
        once, group, wraps: As of a `console.tables.Column`.
    """

    heading: str
    text: Callable[[Row], str]
    numeric: bool = True
    once: bool = False
    group: str = ""
    wraps: bool = False


def cell(column: Column, row: Row) -> str:
    """The text of a value, marked where it is a part only; empty where there is none."""
    value = row[column.name]
    if value is None:
        return ""
    text = column.text(row) if column.text else column.form(value)
    text += error(column, row)
    return f"{text} {PART}" if column.scope and row[column.scope] == PART else text


def error(column: Column, row: Row) -> str:
    """How far off it may be, such as ` -9/+12%`; empty where nothing is known, or it is exact."""
    value, bounds = row[column.name], column.bounds
    if not value or bounds is None or row[bounds[0]] is None or row[bounds[1]] is None:
        return ""
    below, above = (round(100 * (row[bound] / value - 1)) for bound in bounds)
    return f" {below:+}/{above:+}%" if below or above else ""


def best_cell(column: Column, row: Row) -> str:
    """As `cell`; Vivado's number where there is one that has no column of its own here."""
    better = column.refined_by if column.origin == Origin.MAPPED else None
    if better is None or row[better] is None:
        return cell(column, row)
    return f"{column.form(row[better])}{SYNTHESIZED}"


def columns_of(place: Place, rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns of the results that `place` shows, as they are of `rows`."""
    models = about_models(rows)
    chosen = (column.of(models=models) for column in columns(place=place))
    return tuple(column for column in chosen if not _is_of_others(column, rows, models=models))


def _is_of_others(column: Column, rows: Sequence[Row], *, models: bool) -> bool:
    match column.omit:
        case Omit.OF_MODELS:
            return models
        case Omit.ABSENT_OF_MODELS:
            return models and all(row[column.name] is None for row in rows)
        case Omit.OF_TRAININGS:
            return not models
    return False


def shown_in(place: Place, rows: Sequence[Row]) -> tuple[Cells, ...]:
    """The columns of the results that `place` shows of `rows`."""
    return tuple(
        Cells(
            heading=column.heading or column.name,
            text=partial(best_cell, column),
            numeric=column.form.numeric,
            once=column.form in (TEXT, STATUS),
            group=column.origin,
        )
        for column in columns_of(place, rows)
    )


def point(row: Row) -> str:
    """Bits, seed and folding, such as `w2a2 s1 low`; of a given model its folding."""
    return " ".join([*named(row), str(row["folding"])])


def several(rows: Sequence[Row], column: str) -> bool:
    """Whether `rows` differ in `column`."""
    return len({row[column] for row in rows}) > 1


def name_of(rows: Sequence[Row], *, with_dataset: bool) -> Callable[[Row], str]:
    """What names a row among `rows`: its point, and what else differs between them."""
    before = ["dataset"] if with_dataset and several(rows, "dataset") else []
    after = ["board"] if several(rows, "board") else []

    def name(row: Row) -> str:
        first, last = ([str(row[column]) for column in columns] for columns in (before, after))
        return " ".join([*first, point(row), *last])

    return name


def names(text: Callable[[Row], str]) -> Cells:
    """The column that names the rows."""
    return Cells(heading="experiment", text=text, numeric=False)


def _plain(heading: str, key: str, form: Format = WHOLE) -> Cells:
    return Cells(heading=heading, text=lambda row: form(row[key]), numeric=form.numeric)


DATASET = Cells(heading="data set", text=lambda row: str(row["dataset"]), numeric=False)
SUMMARY = (
    Cells(heading="folding", text=lambda row: str(row["folding"]), numeric=False),
    Cells(heading="done", text=lambda row: f"{row['done']}/{row['points']}"),
    _plain("wrong", "wrong"),
    _plain("infeas.", "infeasible"),
    _plain("failed", "failed"),
    _plain("exact", "bit_exact"),
    _plain("II off", "ii_deviation", PERCENT),
    _plain("fit", "fits"),
    Cells(heading="best", text=lambda row: str(row["best"]), numeric=False),
    Cells(heading="worst", text=lambda row: str(row["worst"]), numeric=False),
)


def spread() -> tuple[Cells, ...]:
    """The columns of a table over seeds."""
    seeds = Cells(heading="seeds", text=lambda row: str(row["seeds"]))
    return (
        seeds,
        *(
            Cells(heading=column.heading or column.name, text=partial(_mean, column))
            for column in columns(place=Place.SEEDS)
        ),
    )


def _mean(column: Column, row: Row) -> str:
    mean, deviation = (column.form(row[f"{column.name}_{part}"]) for part in ("mean", "std"))
    return f"{mean} ± {deviation}" if deviation else mean


def over_seeds_name(rows: Sequence[Row]) -> Callable[[Row], str]:
    """What names a row of several seeds."""
    boards = several(rows, "board")

    def name(row: Row) -> str:
        board = [str(row["board"])] if boards else []
        return " ".join([f"{precision(row)}", str(row["folding"]), *board])

    return name


def as_texts(rows: Sequence[Row], table: Sequence[Cells]) -> list[list[str]]:
    """The cells of all rows."""
    return [[cells.text(row) for cells in table] for row in rows]
