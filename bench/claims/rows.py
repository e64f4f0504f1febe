"""What all kinds of claims share: the rows that are judged, in groups, and their states."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bench.results import Row, precision
from bench.results.rows import grouped
from bench.words import Status


def judged_rows(
    rows: Iterable[Row], networks: Sequence[str], numbers: Sequence[str], *, models: bool = False
) -> list[Row]:
    """The rows of `networks` with one bit width for all layers.

    References in float and rows with widths by layer are left out, and so are those of given
    `models` unless they are asked for. In the row of a wrong design the columns `numbers`, those
    that are judged, are None.
    """
    blank = dict.fromkeys(numbers)
    return [
        {**row, **blank} if row["status"] == Status.WRONG else row
        for row in rows
        if row["network"] in networks and _is_uniform(row, models=models)
    ]


def none_judged(results: Iterable[Row], networks: Sequence[str]) -> str:
    """Why no design of `networks` can be judged."""
    given = [row["network"] for row in results if row["network"] in networks and not precision(row)]
    if given:
        return (
            f"{given[0]} is a model that is given: its bit widths are its own, and none of its "
            "designs has others to compare with."
        )
    return f"No design of {' or '.join(networks)} is in the grid."


def of_precision(row: Row) -> str:
    """A row's precision in words."""
    return f"{precision(row) or 'as given'}"


def _is_uniform(row: Row, *, models: bool) -> bool:
    widths = precision(row)
    if widths is None:
        return models
    return all(isinstance(bits, int) and bits for bits in (widths.weights, widths.activations))


def by_columns(rows: Iterable[Row], columns: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    """`rows` by their values in `columns`; None is a value of its own."""
    return grouped(rows, lambda row: tuple(row[name] for name in columns))
