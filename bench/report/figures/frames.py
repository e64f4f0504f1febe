"""Small questions that every figure asks of the result table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from bench.console.text import counted, listed
from bench.results import PART, Place, column, columns, precision, refinements
from bench.results.rates import INTERVALS
from bench.words import AS_GIVEN, Origin, parse_widths, widths_order


def resources() -> dict[str, str]:
    """The columns with estimates of what a design takes of its part, and what each is called."""
    shown = columns(place=Place.RESOURCES)
    return {c.name: c.unit or c.name for c in shown if c.origin == Origin.ESTIMATED and c.unit}


def from_better(origin: Origin) -> dict[str, str]:
    """By estimate, the column with the same from that origin."""
    return {
        name: better.name
        for name in resources()
        for better in refinements(column(name))
        if better.origin == origin
    }


def best(results: pd.DataFrame, estimate: str) -> pd.Series:
    """The numbers from the best source of each row."""
    found = number(results[estimate])
    for better in refinements(column(estimate)):
        found = number(results[better.name]).fillna(found)
    return found


def number(values: pd.Series) -> pd.Series:
    """The column as floats, NaN where nothing is known."""
    return pd.to_numeric(values, errors="coerce").astype(float)


def rate_column(origin: Origin) -> str:
    """The column of the results with images per second of that origin."""
    rates = (c.name for c in columns() if c.origin == origin and c.unit == "images/s")
    return next(rates, f"clock / {INTERVALS[origin]}")


def rates(results: pd.DataFrame, origin: Origin) -> pd.Series:
    """Images per second at the clock of the build: boards may run at another one."""
    return number(results["clock_mhz"]) * 1e6 / number(results[INTERVALS[origin]])


def part_note(results: pd.DataFrame) -> str:
    """How many estimates of LUTs are a part; empty for none.

    Args:
        results: Those of which an estimate is shown.
    """
    parts = results[results["lut_scope"].eq(PART).fillna(False)]
    if parts.empty:
        return ""
    layers = listed(parts["lut_uncharged"].unique())
    return f" LUT of {counted(len(parts), 'design')} is a part: the estimate charges {layers} none."


def about_models(results: pd.DataFrame) -> bool:
    """Whether the results are of a model that is given, which has bit widths of its own."""
    return bool(results["weight_bits"].isna().all())


def bits_order(values: Iterable[object]) -> list[object]:
    """Bit widths in order; those of a given model come first."""
    known = {value for value in values if value != AS_GIVEN}
    ordered = sorted(known, key=lambda widths: widths_order(parse_widths(widths)))
    return [*(value for value in dict.fromkeys(values) if value == AS_GIVEN), *ordered]


def bits_label(row: Any) -> str:
    """Such as `w2a4`, or `float`; of a given model AS_GIVEN."""
    if pd.isna(row["weight_bits"]):
        return AS_GIVEN
    return f"{precision(row)}"


def folding_order(results: pd.DataFrame) -> list[str]:
    """Foldings from the slowest to the fastest, by estimate; those never built come last."""
    intervals = number(results[INTERVALS[Origin.ESTIMATED]])
    slowest_first = intervals.groupby(results["folding"], sort=False).max()
    ordered = slowest_first.sort_values(ascending=False, kind="stable", na_position="last")
    return [str(name) for name in ordered.index]


def slug(text: str) -> str:
    """`text` as part of a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "x"
