"""What the judges share: the rows they look at, in groups, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bench.results import Row, precision, state_label
from bench.words import Status


def judged_rows(rows: Iterable[Row], networks: Sequence[str], numbers: Sequence[str]) -> list[Row]:
    """The rows of `networks` with one bit width for all layers.

    Args:
        rows: Results, or trainings.
        networks: Whose rows.
        numbers: Columns that are judged on: None in the row of a design that is wrong.

    Returns:
        References in float, and rows with widths by layer, are left out.
    """
    blank = dict.fromkeys(numbers)
    return [
        {**row, **blank} if row["status"] == Status.WRONG else row
        for row in rows
        if row["network"] in networks and _is_uniform(row)
    ]


def _is_uniform(row: Row) -> bool:
    widths = precision(row)
    return all(isinstance(bits, int) and bits for bits in (widths.weights, widths.activations))


def grouped(rows: Iterable[Row], by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    """The groups of `rows`, in the order in which they first appear; None is a value of its own."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    yield from groups.items()


def states(rows: Iterable[Row]) -> str:
    """What became of rows that lack a number, such as `2 failed: train`."""
    counts = Counter(map(state_label, rows))
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
