"""The results as tables of pandas, and their rows as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.grids.experiment import Point
from bench.pipeline import Resolver
from bench.results.facts import facts_of
from bench.results.registry import Facts, File, columns, names
from bench.results.rows import row_of
from bench.store import Entry


def collect(
    experiments: Sequence[Point],
    resolver: Resolver,
    present: Mapping[str, Entry] | None = None,
) -> pd.DataFrame:
    """The results of `experiments`, one row each; what is absent is NA.

    `present` is what `resolver.present` gives for these or more points, where it is at hand.
    """
    return _frame(facts_of(experiments, resolver, present), File.RESULTS)


def collect_trainings(
    points: Sequence[Point], resolver: Resolver, present: Mapping[str, Entry] | None = None
) -> pd.DataFrame:
    """One row per training of `points`, references included; `present` is as for `collect`."""
    trainings = {point.training_name: point.training for point in points}
    return _frame(facts_of(tuple(trainings.values()), resolver, present), File.TRAININGS)


def _frame(facts: Iterable[Facts], file: File) -> pd.DataFrame:
    rows = map(row_of, facts)
    return pd.DataFrame(rows, columns=names(columns(file))).convert_dtypes()


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values, None for NA."""
    plain = frame.astype(object)
    rows: Any = plain.where(plain.notna(), None).to_dict("records")
    return list(rows)
