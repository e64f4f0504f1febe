"""A row of the results, from the facts of a point; nothing is made up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any, TypeVar

from bench.results.registry import Facts, File, Row, columns
from bench.words import Precision, Status

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


def row_of(facts: Facts) -> dict[str, Any]:
    """The row of a point in results.csv, or that of a training in trainings.csv.

    In the row of a design that is wrong, what running it has shown is None.
    """
    file = File.TRAININGS if facts.point.is_training else File.RESULTS
    wrong = facts.state.status == Status.WRONG
    return {
        column.name: None if wrong and column.withheld else column.value_of(facts)
        for column in columns(file)
    }


def precision(row: Row) -> Precision | None:
    """The precision of a row; None of a model that is given, which has its own."""
    if row["weight_bits"] is None:
        return None
    return Precision.of(row["weight_bits"], row["act_bits"])


def about_models(rows: Sequence[Row]) -> bool:
    """Whether `rows`, which are of one grid, are of a model that is given, not of trainings."""
    return bool(rows) and all(row["seed"] is None for row in rows)


def named(row: Row) -> tuple[str, ...]:
    """What tells the trainings of a network apart: bits and seed, such as `w2a2`, `s1`."""
    bits, seed = precision(row), row["seed"]
    return tuple(filter(None, (f"{bits}" if bits else "", "" if seed is None else f"s{seed}")))


def state_label(row: Row) -> str:
    """What became of a row, and where, such as `infeasible: compile`."""
    return f"{row['status']}: {row['stopped_at']}" if row["stopped_at"] else str(row["status"])


def states(rows: Iterable[Row]) -> str:
    """What became of rows that lack a number, such as `2 failed: train`."""
    counts = Counter(map(state_label, rows))
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """`items` by their `key`, in the order in which each key first appears."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def wrong_rows(rows: Iterable[Row]) -> list[str]:
    """The experiments whose designs compute something else than the trained model."""
    return [str(row["experiment"]) for row in rows if row["status"] == Status.WRONG]
