"""A summary of a grid by folding, for grids too large to read row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bench.results import Row, precision
from bench.results.rates import INTERVALS
from bench.results.rows import grouped
from bench.words import Origin, Status


def summarize(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A row for each data set and folding.

    Returns:
        `dataset`, `folding` and the number of `points`; how many of each status, by its word;
        `bit_exact` and `fits`, of how many it holds; `ii_deviation`, the largest difference of
        the simulated from the estimated interval, as a fraction; `best` and `worst`, the bits of
        the most and the least accurate point.
    """
    groups = grouped(rows, lambda row: (row["dataset"], row["folding"]))
    return [
        {"dataset": dataset, "folding": folding} | _summary(points)
        for (dataset, folding), points in groups.items()
    ]


def _summary(points: Sequence[Row]) -> dict[str, Any]:
    statuses = Counter(point["status"] for point in points)
    estimated, simulated = INTERVALS[Origin.ESTIMATED], INTERVALS[Origin.RTL_SIM]
    deviations = [
        abs(point[simulated] / point[estimated] - 1)
        for point in points
        if point[simulated] and point[estimated]
    ]
    trained = [point for point in points if point["accuracy"] is not None]
    return {
        "points": len(points),
        **{str(status): statuses[status] for status in Status},
        "bit_exact": sum(1 for point in points if point["bit_exact"]),
        "fits": sum(1 for point in points if point["fits"]),
        "ii_deviation": max(deviations, default=None),
        "best": _label(max(trained, key=_accuracy, default=None)),
        "worst": _label(min(trained, key=_accuracy, default=None)),
    }


def _accuracy(point: Row) -> float:
    return float(point["accuracy"])


def _label(point: Row | None) -> str:
    if point is None:
        return ""
    bits = precision(point)
    return f"{bits} {point['accuracy']:.2%}" if bits else f"{point['accuracy']:.2%}"
