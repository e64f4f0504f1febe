"""What is said of a table's numbers in sentences: ratios, what is a part, what is not done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.console.text import counted
from bench.provenance import PART
from bench.report.cells import at_another_clock, name_of, number, stopped
from bench.report.ratios import throughput_ratios
from bench.words import Status


def ratio_lines(results: pd.DataFrame) -> list[str]:
    """How much faster one folding is than another, a line for each training."""
    lines = []
    for ratio in throughput_ratios(results):
        measured = "" if ratio.measured is None else f"; with the DMA: {ratio.measured:.1f}x"
        lines.append(
            f"{ratio.point}: '{ratio.fast}' is {ratio.core:.1f}x as fast as '{ratio.slow}' "
            f"(core{measured})"
        )
    return lines


def part_lines(results: pd.DataFrame) -> list[str]:
    """Which estimates of LUTs are a part, and of what; `fits` is by the same estimates."""
    known = results[results["lut_scope"].eq(PART).fillna(False)]
    return [
        f"LUT, {len(rows):,} of {counted(len(results), 'row')}: a part, as FINN's estimate "
        f"charges {layers} none; `fits` counts what it charges."
        for layers, rows in known.groupby("lut_uncharged", sort=False)
    ]


def torch_lines(results: pd.DataFrame) -> list[str]:
    """Which designs, right otherwise, give some images another class than torch does."""
    name = name_of(results, with_dataset=True)
    tied = results[results["torch_ties"].gt(0).fillna(False) & results["status"].eq(Status.DONE)]
    return [
        f"{name(row)}: {_ties(row)} of "
        "another class than in torch, each by a tie: a value on a rounding boundary, which torch "
        "rounds to the even step and FINN's thresholds (>=) to the upper one."
        for _, row in tied.iterrows()
    ]


def _ties(row: Any) -> str:
    images = counted(int(row["sim_images"]), "image")
    return counted(int(row["torch_ties"]), f"of {images} is", f"of {images} are")


def clock_lines(results: pd.DataFrame) -> list[str]:
    """Which measurements were at another clock than that of the build, and what they mean there."""
    name = name_of(results, with_dataset=True)
    return [
        f"{name(row)}: built for {row['clock_mhz']:g} MHz, measured at "
        f"{row['clock_measured_mhz']:g} MHz: {number(row['fps_measured'])} images/s, which at "
        f"{row['clock_mhz']:g} MHz would be {number(row['clock_mhz'] * 1e6 / row['ii_measured'])}. "
        "Ratios and figures compare at the clock of the build."
        for _, row in results.iterrows()
        if at_another_clock(row) and pd.notna(row["ii_measured"])
    ]


def reason_lines(results: pd.DataFrame, statuses: tuple[Status, ...]) -> list[str]:
    """Why points are not done; each reason once, with how many it stops.

    Args:
        results: One row per experiment.
        statuses: Only rows that have one of them.
    """
    name = name_of(results, with_dataset=True)
    chosen = results["reason"].notna() & results["status"].isin(statuses)
    return [
        f"{len(rows)} x {stopped(rows.iloc[0])}, such as {name(rows.iloc[0])}: {reason}"
        for reason, rows in _by_reason(results[chosen])
    ]


def _by_reason(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    groups = rows.groupby(["status", "stopped_at", "reason"], sort=False, dropna=False)
    for _, group in groups:
        yield str(group["reason"].iloc[0]), group


def synthesis_lines(results: pd.DataFrame) -> list[str]:
    """How many bitstreams were built, and why others were not."""
    ends = results["synthesis"] + (": " + results["synthesis_reason"]).fillna("")
    return [f"bitstreams: {count} {end}" for end, count in ends.dropna().value_counts().items()]
