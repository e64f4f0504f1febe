"""Cells of the tables for people: which columns there are, and how a row's numbers are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from bench.provenance import PART
from bench.words import Precision, Status

Columns = dict[str, Callable[[Any], str]]
"""By heading, what makes a cell's text of a row."""

TEXT_COLUMNS = (
    "experiment", "exact", "measured on", "fits", "status", "data set", "folding", "best", "worst",
)  # fmt: skip
SYNTHESIZED = " syn."


def precision(row: Any) -> Precision:
    """The precision of a row of results or trainings."""
    return Precision.of(row["weight_bits"], row["act_bits"])


def stopped(row: Any) -> str:
    """What became of a row, and at which stage, such as `infeasible: compile`."""
    return f"{row['status']}: {row['stopped_at']}" if text(row["stopped_at"]) else row["status"]


def point(row: Any) -> str:
    """Bits, seed and folding, such as `w2a2 s1 low`."""
    return f"{precision(row)} s{row['seed']} {row['folding']}"


def name_of(rows: pd.DataFrame, *, with_dataset: bool) -> Callable[[Any], str]:
    """What names a row among `rows`: its point, and what else differs between them."""
    before = ["dataset"] if with_dataset and rows["dataset"].nunique() > 1 else []
    after = ["board"] if rows["board"].nunique() > 1 else []

    def name(row: Any) -> str:
        more = ([str(row[column]) for column in columns] for columns in (before, after))
        first, last = more
        return " ".join([*first, point(row), *last])

    return name


def number(value: Any, factor: float = 1, digits: int = 0, unit: str = "") -> str:
    """A number with commas, rounded; empty for NA."""
    return "" if pd.isna(value) else f"{value * factor:,.{digits}f}{unit}"


def percent(value: Any) -> str:
    """Such as `97.05%`."""
    return number(value, 100, 2, "%")


def yes_no(value: Any) -> str:
    """`yes` or `NO`, which is to be seen; empty for NA."""
    return "" if pd.isna(value) else ("yes" if value else "NO")


def text(value: Any) -> str:
    """Text; empty for NA."""
    return "" if pd.isna(value) else str(value)


def estimated_lut(row: Any) -> str:
    """FINN's estimate, marked where it leaves out layers."""
    mark = f" {PART}" if text(row["lut_scope"]) == PART else ""
    return f"{number(row['lut'])}{mark}" if pd.notna(row["lut"]) else ""


def _lut(row: Any) -> str:
    return _synthesized(row, "lut") or estimated_lut(row)


def _resource(name: str) -> Callable[[Any], str]:
    return lambda row: _synthesized(row, name) or number(row[name])


def _synthesized(row: Any, name: str) -> str:
    value = row[f"{name}_synth"]
    return "" if pd.isna(value) else f"{number(value)}{SYNTHESIZED}"


def at_another_clock(row: Any) -> bool:
    """Whether the board that measured it ran at another clock than it was built for."""
    clock = row["clock_measured_mhz"]
    return bool(pd.notna(clock) and clock != row["clock_mhz"])


def _measured(row: Any) -> str:
    clock = f" @{row['clock_measured_mhz']:g}" if at_another_clock(row) else ""
    return f"{number(row['fps_measured'])}{clock}" if pd.notna(row["fps_measured"]) else ""


def _as_torch(row: Any) -> str:
    agreeing, images = row["agreeing_with_torch"], row["sim_images"]
    if pd.isna(agreeing) or pd.isna(images):
        return ""
    return "all" if agreeing == images else number(agreeing)


def status(row: Any) -> str:
    """In one word; capitals for what must not be overlooked."""
    return str(row["status"]).upper() if row["status"] == Status.WRONG else str(row["status"])


def _mean(row: Any, name: str, factor: float, digits: int, unit: str = "") -> str:
    mean, spread = (number(row[f"{name}_{part}"], factor, digits, unit) for part in ("mean", "std"))
    return f"{mean} ± {spread}" if spread else mean


DATASET: Columns = {"data set": lambda row: row["dataset"]}
SUMMARY: Columns = {
    "folding": lambda row: row["folding"],
    "done": lambda row: f"{row['done']}/{row['points']}",
    "wrong": lambda row: number(row["wrong"]),
    "infeas.": lambda row: number(row["infeasible"]),
    "failed": lambda row: number(row["failed"]),
    "exact": lambda row: number(row["bit_exact"]),
    "II off": lambda row: percent(row["ii_deviation"]),
    "fit": lambda row: number(row["fits"]),
    "best": lambda row: row["best"],
    "worst": lambda row: row["worst"],
}
THROUGHPUT: Columns = {
    "accuracy": lambda row: percent(row["accuracy"]),
    "exact": lambda row: yes_no(row["bit_exact"]),
    "torch": _as_torch,
    "II est.": lambda row: number(row["ii_estimated"]),
    "II sim.": lambda row: number(row["ii_simulated"], digits=2),
    "fps core": lambda row: number(row["fps_core"]),
    "fps meas.": _measured,
    "status": status,
}
RESOURCES: Columns = {
    "latency": lambda row: number(row["latency_cycles"]),
    "sim. accuracy": lambda row: percent(row["sim_accuracy"]),
    "measured on": lambda row: text(row["measured_on"]),
    "LUT": _lut,
    "BRAM18": _resource("bram18"),
    "DSP": _resource("dsp"),
    "fits": lambda row: yes_no(row["fits"]),
}
SPREAD: Columns = {
    "seeds": lambda row: number(row["seeds"]),
    "accuracy": lambda row: _mean(row, "accuracy", 100, 2, "%"),
    "sim. accuracy": lambda row: _mean(row, "sim_accuracy", 100, 2, "%"),
    "II sim.": lambda row: _mean(row, "ii_simulated", 1, 2),
}


def over_seeds_name(rows: pd.DataFrame) -> Callable[[Any], str]:
    """What names a row of several seeds."""
    several = rows["board"].nunique() > 1
    return lambda row: (
        f"{precision(row)} {row['folding']}" + (f" {row['board']}" if several else "")
    )
