"""What became of a grid, folding by folding: for grids too large to read row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bench.report.cells import precision
from bench.words import Status

_COUNTED = (
    Status.DONE, Status.WRONG, Status.INFEASIBLE, Status.FAILED, Status.MISSING,
)  # fmt: skip
SUMMARY = (
    "dataset", "folding", "points", *_COUNTED, "bit_exact", "fits", "ii_deviation", "best", "worst",
)  # fmt: skip


def summarize(results: pd.DataFrame) -> pd.DataFrame:
    """One row per data set and folding, columns `SUMMARY`.

    `done` to `missing` count points by status, `bit_exact` and `fits` those for which it holds.
    `ii_deviation` is the largest difference of the simulated from the estimated interval, as
    a fraction. `best` and `worst` name the bits of the most and least accurate point.
    """
    groups = results.groupby(["dataset", "folding"], sort=False)
    rows = [
        {"dataset": dataset, "folding": folding} | _summary(group)
        for (dataset, folding), group in groups
    ]
    return pd.DataFrame(rows, columns=list(SUMMARY))


def _summary(points: pd.DataFrame) -> dict[str, Any]:
    deviation = (points["ii_simulated"] / points["ii_estimated"] - 1).abs().max()
    return {
        "points": len(points),
        **{str(status): int(points["status"].eq(status).sum()) for status in _COUNTED},
        "bit_exact": int(points["bit_exact"].eq(True).sum()),
        "fits": int(points["fits"].eq(True).sum()),
        "ii_deviation": None if pd.isna(deviation) else float(deviation),
        "best": _extreme(points, lambda accuracy: accuracy.idxmax()),
        "worst": _extreme(points, lambda accuracy: accuracy.idxmin()),
    }


def _extreme(points: pd.DataFrame, choose: Callable[[Any], Any]) -> str:
    accuracy = points["accuracy"].dropna()
    if accuracy.empty:
        return ""
    row = points.loc[choose(accuracy.astype(float))]
    return f"{precision(row)} {row['accuracy']:.2%}"
