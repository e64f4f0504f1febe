"""Mean and spread over the seeds of a point."""

from __future__ import annotations

import pandas as pd

from bench.results import Place, columns, identity, names


def over_seeds(results: pd.DataFrame) -> pd.DataFrame:
    """One row per point with all its seeds: how many, and of each value mean, std, min and max.

    Absent values do not count. std is that of a sample, so it is NA for a single seed.
    """
    point = [*(name for name in identity() if name != "seed"), "epochs"]
    groups = results.groupby(point, sort=False, dropna=False)
    statistics = {"seeds": groups["seed"].nunique()}
    for name in names(columns(place=Place.SEEDS)):
        numbers = groups[name]
        statistics[f"{name}_n"] = numbers.count()
        for statistic in ("mean", "std", "min", "max"):
            statistics[f"{name}_{statistic}"] = numbers.agg(statistic)
    return pd.DataFrame(statistics).reset_index()
