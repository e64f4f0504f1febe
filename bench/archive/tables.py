"""Tables as CSV files, compared value by value."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from bench.console.text import counted


@dataclass
class Counter:
    """How many values were compared, and the rows that are wrong."""

    values: int = 0
    wrong: list[str] = field(default_factory=list)


def compare_table(name: str, path: Path, again: Path, counter: Counter) -> Iterator[str]:
    """What the CSV file `path` says and `again`, made from the manifests, does not."""
    with again.open(encoding="utf-8", newline="") as file:
        heading, *wanted = csv.reader(file)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *said = [row for row in csv.reader(file, strict=True) if row] or [[]]
    except (csv.Error, UnicodeDecodeError) as error:
        yield f"{name} is no CSV: {error}"
        return
    if columns != heading:
        yield from _compare_headings(name, columns, heading)
        return
    if len(said) != len(wanted):
        yield f"{name} has {counted(len(said), 'row')}, the manifests give {len(wanted)}"
    for number, (row, expected) in enumerate(zip(said, wanted, strict=False), 2):
        known = dict(zip(heading, expected, strict=True))
        for column, value, right in zip_longest(heading, row, expected):
            counter.values += 1
            if value != right and not _same_number(value, right):
                yield (
                    f"{name}, line {number} ({_what(known)}): {column or 'one column more'} is "
                    f"{value or 'empty'}, the manifests give {right or 'nothing'}"
                )


def _compare_headings(name: str, columns: list[str], heading: list[str]) -> Iterator[str]:
    missing = [column for column in heading if column not in columns]
    strange = [column for column in columns if column not in heading]
    for column in missing:
        yield f"{name} has no column {column}"
    for column in strange:
        yield f"{name} has a column {column or 'without a name'}, which the manifests do not give"
    if not missing and not strange:
        yield f"{name} has its columns in another order, or twice"


def _same_number(one: str | None, other: str | None) -> bool:
    try:
        return float(one or "nan") == float(other or "nan")
    except ValueError:
        return False


def _what(row: Mapping[str, str]) -> str:
    """What a row is about, as far as its columns tell."""
    if "experiment" in row:
        return row["experiment"]
    return " ".join(list(row.values())[:4])
