"""The results as tables of pandas, and their rows as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from bench.grids.experiment import Point
from bench.pipeline import Survey
from bench.results.facts import facts_of
from bench.results.registry import Facts, File, columns, names
from bench.results.rows import row_of


def collect(experiments: Sequence[Point], survey: Survey) -> pd.DataFrame:
    """The results of `experiments`, one row each; what is absent is NA.

    `survey` is of these points, or of more.
    """
    return _frame(facts_of(experiments, survey), File.RESULTS)


def collect_trainings(points: Sequence[Point], survey: Survey) -> pd.DataFrame:
    """One row per training of `points`, references included; `survey` is as for `collect`."""
    trainings = {point.training_name: point.training for point in points if point.training}
    return _frame(facts_of(trainings.values(), survey), File.TRAININGS)


def _frame(facts: Iterable[Facts], file: File) -> pd.DataFrame:
    rows = map(row_of, facts)
    return pd.DataFrame(rows, columns=names(columns(file))).convert_dtypes()


def rows_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values, None for NA."""
    plain = frame.astype(object)
    rows: Any = plain.where(plain.notna(), None).to_dict("records")
    return list(rows)
