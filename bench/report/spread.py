"""Mean and spread over the seeds of a point."""

from __future__ import annotations

import pandas as pd

POINT = ("network", "dataset", "weight_bits", "act_bits", "folding", "board", "epochs")
TRAINING = ("network", "dataset", "weight_bits", "act_bits", "epochs")
VALUES = ("accuracy", "sim_accuracy", "ii_simulated", "latency_cycles", "fps_core", "fps_measured")


def over_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per point, whatever its seeds: `seeds`, and of each value mean, std, min and max.

    Args:
        rows: Results, or trainings; values that are absent do not count.

    Returns:
        std is that of a sample, so it is NA for a single seed.
    """
    point = [name for name in (POINT if "folding" in rows else TRAINING) if name in rows]
    values = [name for name in VALUES if name in rows]
    groups = rows.groupby(point, sort=False, dropna=False)
    columns = {"seeds": groups["seed"].nunique()}
    for name in values:
        numbers = groups[name]
        columns[f"{name}_n"] = numbers.count()
        for statistic in ("mean", "std", "min", "max"):
            columns[f"{name}_{statistic}"] = numbers.agg(statistic)
    return pd.DataFrame(columns).reset_index()
