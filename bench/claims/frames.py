"""What the judges share: the rows they look at, and how they write numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.errors import ConfigError
from bench.words import Precision, Status

IDENTITY = ("network", "dataset", "weight_bits", "act_bits", "seed", "status", "stopped_at")


def judged_rows(
    rows: pd.DataFrame,
    networks: Sequence[str],
    names: Sequence[str],
    numbers: Sequence[str],
    what: str,
) -> pd.DataFrame:
    """The rows of `networks` with whole-number bit widths, one type of number per column.

    Args:
        rows: Results, or trainings.
        networks: Whose rows.
        names: Columns that say more of which row is which; one that is absent is all NA.
        numbers: Columns that are judged on; likewise, and all NA in a row that is wrong.
        what: What the rows are, for the message.

    Returns:
        The columns of `IDENTITY`, `experiment`, `names` and `numbers`; widths per layer, references
        in float and the like are left out.

    Raises:
        ConfigError: A column that says which row is which is absent.
    """
    absent = [name for name in (*IDENTITY, "experiment") if name not in rows]
    if absent:
        raise ConfigError(
            f"The {what} lack the columns {', '.join(absent)}, so no claim can be judged on them.",
            "Make them anew: `bench report FILE`.",
        )
    columns = dict.fromkeys((*IDENTITY, "experiment", *names, *numbers))
    found = rows.reindex(columns=list(columns))
    found.loc[found["status"].eq(Status.WRONG), list(numbers)] = pd.NA
    for name in ("weight_bits", "act_bits"):
        found[name] = pd.to_numeric(found[name], errors="coerce")
    found = found[found["network"].isin(list(networks))]
    found = found.dropna(subset=["weight_bits", "act_bits"])
    return found.astype({"weight_bits": int, "act_bits": int})


def grouped(rows: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """The groups of `rows`, in the order in which they first appear; NA is a value of its own."""
    for values, group in rows.groupby(list(by), sort=False, dropna=False):
        yield (values if isinstance(values, tuple) else (values,)), group


def precision(row: Any) -> str:
    """Such as `w2a4`."""
    return Precision(int(row["weight_bits"]), int(row["act_bits"])).label


def states(rows: pd.DataFrame) -> str:
    """What became of rows that lack a number, such as `2 failed: train`."""
    labels = rows["status"] + (": " + rows["stopped_at"].astype("string")).fillna("")
    counts = labels.value_counts()
    return ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
