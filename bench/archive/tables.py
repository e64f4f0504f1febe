"""Tables as CSV files, compared value by value."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path

from bench.console.text import counted


@dataclass
class Counter:
    """The number of values compared, and the names of wrong rows."""

    values: int = 0
    wrong: list[str] = field(default_factory=list)


def compare_table(name: str, path: Path, again: Path, counter: Counter) -> Iterator[str]:
    """Where the CSV file `path` differs from `again`, made from the manifests."""
    with again.open(encoding="utf-8", newline="") as file:
        heading, *wanted = csv.reader(file)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            columns, *said = [row for row in csv.reader(file, strict=True) if row] or [[]]
    except (csv.Error, UnicodeDecodeError) as error:
        yield f"{name} is not CSV: {error}"
        return
    if columns != heading:
        yield from _compare_headings(name, columns, heading)
        return
    if len(said) != len(wanted):
        yield f"{name} has {counted(len(said), 'row')}, the manifests give {len(wanted)}"
    for number, (row, expected) in enumerate(zip(said, wanted, strict=False), 2):
        what = " ".join(expected[:4])
        if "experiment" in heading:
            what = expected[heading.index("experiment")]
        for column, value, right in zip_longest(heading, row, expected):
            counter.values += 1
            if value != right and not _same_number(value, right):
                yield (
                    f"{name}, line {number} ({what}): {column or 'an additional column'} is "
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


def _same_number(a: str | None, b: str | None) -> bool:
    try:
        return float(a or "nan") == float(b or "nan")
    except ValueError:
        return False
