"""Two reports, row by row and column by column: equal, within tolerance, different, missing."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import ConfigError
from bench.flows import all_stages
from bench.report.tolerance import IDENTITY, TOLERANCES, UNKNOWN, Row, Tolerance
from bench.status import is_wrong
from bench.store import Entry
from bench.store.keys import canonical

EQUAL, WITHIN, DIFFERENT, MISSING = "equal", "within", "different", "missing"
STATES = (EQUAL, WITHIN, DIFFERENT, MISSING)
RESULTS = "results.csv"

Table = dict[tuple[str, ...], Row]
"""Rows by what they are, see `IDENTITY`."""


@dataclass(frozen=True)
class Difference:
    """A value, or a whole row or column, in which two reports are not alike.

    Attributes:
        row: The experiment's name for people; empty for a column.
        column: The column; empty for a row.
        one, other: Both values; empty where missing.
        state: `different` or `missing`.
        allowed: The difference that would be within tolerance; None where that means nothing.
    """

    row: str
    column: str
    one: str
    other: str
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
        ConfigError: It cannot be read, is none, is empty, or has a row or a column twice.
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
    lacking = [name for name in IDENTITY[:-1] if name not in columns]
    if lacking:
        raise ConfigError(
            f"{path} is no results.csv: it has no column '{lacking[0]}'.", "Name a results.csv."
        )
    if twice := [name for name, count in Counter(columns).items() if count > 1]:
        raise ConfigError(f"{path} has the column '{twice[0]}' twice.", "Write the report again.")
    if not rows:
        raise ConfigError(f"{path} has no rows.", "Its grid is empty; there is nothing to compare.")
    table: Table = {}
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise ConfigError(
                f"{path}: line {number} has not {len(columns)} values.", "It is half-written?"
            )
        identity = tuple(row.get(name, "") for name in IDENTITY)
        if identity in table:
            raise ConfigError(
                f"{path}: {_name(identity)} is there twice.", "Write the report again."
            )
        table[identity] = row
    return columns, table


def compare_results(one: Path, other: Path) -> Comparison:
    """Compare two results.csv.

    Raises:
        ConfigError: See `read_results`.
    """
    columns_a, rows_a = read_results(one)
    columns_b, rows_b = read_results(other)
    found = Comparison()
    found.only = (_lacking(columns_a, columns_b), _lacking(columns_b, columns_a))
    found.wrong = (_wrong(rows_a), _wrong(rows_b))
    shared = [name for name in columns_a if name in columns_b and name not in IDENTITY]
    found.counts = {name: Counter() for name in shared}
    for identity in dict.fromkeys((*rows_a, *rows_b)):
        row_a, row_b = rows_a.get(identity), rows_b.get(identity)
        if row_a is None or row_b is None:
            texts = ("there" if row_a else "", "there" if row_b else "")
            found.differences.append(Difference(_name(identity), "", *texts, MISSING))
            continue
        found.rows += 1
        for column in shared:
            tolerance = TOLERANCES.get(column, UNKNOWN)
            state, allowed = _judge(row_a, row_b, column, tolerance)
            if not state:
                continue
            found.counts[column][state] += 1
            if state in (DIFFERENT, MISSING):
                values = (row_a[column], row_b[column])
                found.differences.append(
                    Difference(_name(identity), column, *values, state, allowed)
                )
    return found


def _lacking(columns: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in columns if name not in others)


def _wrong(table: Table) -> tuple[str, ...]:
    named = {row.get("experiment") or _name(identity): row for identity, row in table.items()}
    return tuple(name for name, row in named.items() if is_wrong(row.get("status", "")))


def _name(identity: Sequence[str]) -> str:
    network, dataset, weight_bits, act_bits, folding, seed, board = identity
    name = f"{network} {dataset} w{weight_bits}a{act_bits} s{seed} {folding}"
    return f"{name} {board}".rstrip()


def _judge(one: Row, other: Row, column: str, tolerance: Tolerance) -> tuple[str, float | None]:
    """The state of a value, empty where it is not compared, and what would be within tolerance."""
    a, b = one[column], other[column]
    if tolerance.kind == "not compared":
        return "", None
    if a == b:
        return EQUAL, None
    if not a or not b:
        return MISSING, None
    try:
        difference = abs(_finite(a) - _finite(b))
        allowed = tolerance.allowed(one, other, column)
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


def compare_artifacts(one: Iterable[Entry], other: Iterable[Entry]) -> Iterator[ArtifactState]:
    """Compare what two stores hold; of several artifacts of one thing, the newest counts.

    Raises:
        DamageError: Files of an artifact compared are not what its manifest says.
        StoreError: Something cannot be read.
    """
    newest_a, newest_b = _newest(one), _newest(other)
    manifests = {i: e.manifest for i, e in (*newest_a.items(), *newest_b.items())}
    order = list(all_stages())
    for identity, manifest in sorted(
        manifests.items(), key=lambda item: (order.index(item[1].stage), item[1].name)
    ):
        a, b = newest_a.get(identity), newest_b.get(identity)
        stage, name = manifest.stage, manifest.name
        if a is None or b is None:
            yield ArtifactState(stage, name, MISSING)
            continue
        same = a.manifest.content_hash == b.manifest.content_hash
        same_key = a.manifest.key == b.manifest.key
        yield ArtifactState(stage, name, EQUAL if same else DIFFERENT, same_key)


def _newest(entries: Iterable[Entry]) -> Mapping[bytes, Entry]:
    """Artifacts by stage, name and parameters: what stays the same from version to version.

    Their files are verified: manifests are compared by the hashes that they state.
    """
    found: dict[bytes, Entry] = {}
    for entry in sorted(entries, key=lambda one: one.manifest.created):
        manifest = entry.manifest
        found[canonical([manifest.stage, manifest.name, manifest.spec])] = entry
    for entry in found.values():
        entry.require_sound()
    return found
