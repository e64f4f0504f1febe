"""Mean and spread over the seeds of a point."""

from __future__ import annotations

import pandas as pd

from bench.results import File, Place, columns, names


def over_seeds(results: pd.DataFrame) -> pd.DataFrame:
    """One row per point, whatever its seeds: `seeds`, and of each value mean, std, min and max.

    Args:
        results: Values that are absent do not count.

    Returns:
        std is that of a sample, so it is NA for a single seed.
    """
    point = [column.name for column in columns(File.RESULTS) if column.identity]
    point = [*(name for name in point if name != "seed"), "epochs"]
    groups = results.groupby(point, sort=False, dropna=False)
    statistics = {"seeds": groups["seed"].nunique()}
    for name in names(columns(place=Place.SEEDS)):
        numbers = groups[name]
        statistics[f"{name}_n"] = numbers.count()
        for statistic in ("mean", "std", "min", "max"):
            statistics[f"{name}_{statistic}"] = numbers.agg(statistic)
    return pd.DataFrame(statistics).reset_index()
