"""Two reports, row by row and column by column: equal, within tolerance, different, missing."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import ConfigError
from bench.flows import all_stages
from bench.results import identity, tolerance_of
from bench.results.rows import wrong_rows
from bench.results.tolerance import CsvRow, Rule
from bench.store import Entry
from bench.store.keys import canonical

EQUAL, WITHIN, DIFFERENT, MISSING = "equal", "within", "different", "missing"
STATES = (EQUAL, WITHIN, DIFFERENT, MISSING)

Identity = tuple[str, ...]
Table = dict[Identity, CsvRow]
"""Rows by the values of the columns that tell which experiment each is of."""


@dataclass(frozen=True)
class Difference:
    """A value, or a whole row, in which two reports differ.

    Attributes:
        row: The experiment's name.
        column: None for a whole row.
        a, b: Both values; empty where missing.
        state: `different` or `missing`.
        allowed: The difference that would be within tolerance; None where that means nothing.
    """

    row: str
    column: str | None
    a: str
    b: str
    state: str
    allowed: float | None = None


@dataclass
class Comparison:
    """How two reports compare.

    Attributes:
        counts: By column, how many values are in each state.
        differences: Every value that is different, every value and row that one side lacks.
        only: Columns that only the first, and only the second, has; of another version.
        rows: How many experiments both have.
        wrong: Rows that are wrong in the first, and in the second.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    only: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    rows: int = 0
    wrong: tuple[tuple[str, ...], ...] = ((), ())

    @property
    def alike(self) -> bool:
        """Whether everything is equal or within tolerance, and no row is missing."""
        return not self.differences


def read_results(path: Path) -> tuple[tuple[str, ...], Table]:
    """The columns and rows of a results.csv.

    Raises:
        ConfigError: It cannot be read, is not one, is empty, or has a row or a column twice.
    """
    try:
        # Spreadsheets write a byte order mark before the first column's name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns, rows = tuple(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.", "Check the path.") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not CSV: {error}.", "Name a results.csv.") from None
    lacking = [name for name in identity() if name not in columns]
    if lacking:
        raise ConfigError(
            f"{path} is not a results.csv: it has no column '{lacking[0]}'.", "Name a results.csv."
        )
    if twice := [name for name, count in Counter(columns).items() if count > 1]:
        raise ConfigError(f"{path} has the column '{twice[0]}' twice.", "Write the report again.")
    if not rows:
        raise ConfigError(f"{path} has no rows.", "Its grid is empty; there is nothing to compare.")
    table: Table = {}
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ConfigError(
                f"{path}: line {number} does not have {len(columns)} values.",
                "The file is incomplete; write the report again.",
            )
        key = tuple(row[name] for name in identity())
        if key in table:
            raise ConfigError(f"{path}: {_name(row)} appears twice.", "Write the report again.")
        table[key] = row
    return columns, table


def compare_results(a: Path, b: Path) -> Comparison:
    """Compare two results.csv.

    Raises:
        ConfigError: See `read_results`.
    """
    (columns_a, rows_a), (columns_b, rows_b) = read_results(a), read_results(b)
    shared = [name for name in columns_a if name in columns_b and name not in identity()]
    compared = Comparison(
        counts={name: Counter() for name in shared},
        only=(_lacking(columns_a, columns_b), _lacking(columns_b, columns_a)),
        wrong=(tuple(wrong_rows(rows_a.values())), tuple(wrong_rows(rows_b.values()))),
    )
    for key in dict.fromkeys((*rows_a, *rows_b)):
        row_a, row_b = rows_a.get(key), rows_b.get(key)
        if row_a is None or row_b is None:
            sides = ("there" if row_a else "", "there" if row_b else "")
            name = _name(row_a or row_b or {})
            compared.differences.append(Difference(name, None, *sides, state=MISSING))
            continue
        compared.rows += 1
        for column, counts in compared.counts.items():
            state, allowed = _judge(row_a, row_b, column)
            if state is not None:
                counts[state] += 1
            if state in (DIFFERENT, MISSING):
                values = (row_a[column], row_b[column])
                compared.differences.append(
                    Difference(_name(row_a), column, *values, state=state, allowed=allowed)
                )
    return compared


def _lacking(columns: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if name not in others)


def _name(row: CsvRow) -> str:
    """The experiment's; in a file from outside, what tells it from the others."""
    return row.get("experiment") or " ".join(row[name] for name in identity())


def _judge(row_a: CsvRow, row_b: CsvRow, column: str) -> tuple[str | None, float | None]:
    """The state of a value, None where it is not compared, and what would be within tolerance."""
    a, b = row_a[column], row_b[column]
    tolerance = tolerance_of(column)
    if tolerance.rule == Rule.NOT_COMPARED:
        return None, None
    if a == b:
        return EQUAL, None
    if not a or not b:
        return MISSING, None
    try:
        difference = abs(_finite(a) - _finite(b))
        allowed = tolerance.allowed(row_a, row_b, column)
    except ValueError:
        return DIFFERENT, None
    if difference == 0:
        return EQUAL, allowed
    return (WITHIN if difference <= allowed else DIFFERENT), allowed


def _finite(text: str) -> float:
    """The number in `text`; of infinity, every ratio would allow any difference."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


@dataclass(frozen=True)
class ArtifactState:
    """How an artifact of two stores compares, by the hash of its content.

    Attributes:
        stage, name: What it is.
        state: `equal`, `different` or `missing`.
        same_key: Whether both were made from the same inputs by the same recipe, so that a
            difference means that the stage does not repeat.
    """

    stage: str
    name: str
    state: str
    same_key: bool = False


def compare_artifacts(a: Iterable[Entry], b: Iterable[Entry]) -> Iterator[ArtifactState]:
    """Compare what two stores hold; of several artifacts of one thing, the newest counts.

    Raises:
        DamageError: Files of an artifact compared are not what its manifest says.
        StoreError: Something cannot be read.
    """
    newest_a, newest_b = _newest(a), _newest(b)
    manifests = {key: entry.manifest for key, entry in (newest_a | newest_b).items()}
    # Stages of no flow, and those of another version or of extensions that are not here, come last.
    places = {stage: place for place, stage in enumerate(all_stages())}
    for key, manifest in sorted(
        manifests.items(),
        key=lambda item: (places.get(item[1].stage, len(places)), item[1].stage, item[1].name),
    ):
        state, same_key = MISSING, False
        if key in newest_a and key in newest_b:
            made_a, made_b = newest_a[key].manifest, newest_b[key].manifest
            state = EQUAL if made_a.content_hash == made_b.content_hash else DIFFERENT
            same_key = made_a.key == made_b.key
        yield ArtifactState(manifest.stage, manifest.name, state, same_key)


def _newest(entries: Iterable[Entry]) -> dict[bytes, Entry]:
    """Artifacts by stage, name and parameters: what stays the same from version to version.

    Their files are verified: manifests are compared by the hashes that they state.
    """
    newest: dict[bytes, Entry] = {}
    for entry in sorted(entries, key=lambda entry: entry.manifest.created):
        manifest = entry.manifest
        newest[canonical([manifest.stage, manifest.name, manifest.spec])] = entry
    for entry in newest.values():
        entry.require_sound()
    return newest
