"""C2: is one folding so many times as fast as another, in the core and with its DMA?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bench.claims.frames import grouped, judged_rows, precision, states
from bench.claims.table import ThroughputClaim
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted

BOARD = "board"
POINT = ("network", "dataset", "weight_bits", "act_bits", "seed", "board")
NAMES = ("board", "folding", "clock_mhz", "measured_on")
NUMBERS = ("ii_estimated", "ii_simulated", "fps_core", "ii_measured", "fits")
# What was measured, at the clock of the build, whatever that of the board was.
SYSTEM = "fps_system"


@dataclass(frozen=True)
class _Ratio:
    """One folding over another at one precision; the arithmetic is that of images per second."""

    fast: pd.Series[Any]
    slow: pd.Series[Any]
    column: str

    @property
    def value(self) -> float:
        return float(self.fast[self.column]) / float(self.slow[self.column])


@dataclass(frozen=True)
class _Found:
    """The ratios of one pair of foldings from one origin."""

    evidence: Evidence
    origin: str
    all_within: bool
    any_within: bool


def judge_throughput(claim: ThroughputClaim, results: pd.DataFrame) -> Part:
    """The verdict, each network and data set judged apart.

    A claim about a deployed network is reproduced by a measurement on a real board; what is within
    the tolerance in simulation, or on the emulated board, makes it partly so.

    Args:
        claim: What is claimed.
        results: One row per experiment.
    """
    rows = judged_rows(results, claim.networks, NAMES, NUMBERS, "results")
    rows["fps_estimated"] = 1e6 * rows["clock_mhz"] / rows["ii_estimated"]
    rows[SYSTEM] = 1e6 * rows["clock_mhz"] / rows["ii_measured"]
    parts = [
        _judge_group(claim, f"{network} on {dataset}", group)
        for (network, dataset), group in grouped(rows, ("network", "dataset"))
    ]
    return combined(parts, f"No design of {' or '.join(claim.networks)} is in the grid.")


def _judge_group(claim: ThroughputClaim, where: str, rows: pd.DataFrame) -> Part:
    found: list[_Found] = []
    sentences: list[str] = []
    for slow, fast in claim.pairs:
        own = list(_pair(claim, where, rows, slow, fast))
        found += own
        sentences.append(_sentence(rows, slow, fast, own))
    evidence = tuple(one.evidence for one in found)
    judged = [one for one in found if one.origin != "estimated"]
    on_board = [one for one in judged if one.origin == BOARD]
    if not judged:
        verdict = Verdict.NOT_TESTABLE
    elif any(one.all_within for one in on_board):
        verdict = Verdict.REPRODUCED
    elif any(one.any_within for one in judged):
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.NOT_REPRODUCED
    reason = f"{where}: {'; '.join(sentences)}"
    if judged and not on_board:
        reason += "; no real board has measured it"
    return Part(verdict, f"{reason}.", evidence)


def _pair(
    claim: ThroughputClaim, where: str, rows: pd.DataFrame, slow: str, fast: str
) -> Iterator[_Found]:
    """What is known of one pair: estimated, in the core, and measured by each kind of board."""
    joined = _joined(rows, slow, fast)
    for column, part, origin in (
        ("fps_estimated", "core", "estimated"),
        ("fps_core", "core", "rtl-sim"),
    ):
        ratios = [_Ratio(f, s, column) for f, s in joined if _both(f, s, column)]
        if ratios:
            yield _summed(claim, f"{where}: {slow} -> {fast}, {part}", origin, ratios)
    measured = [(f, s) for f, s in joined if _both(f, s, SYSTEM)]
    by_kind: dict[str, list[_Ratio]] = {}
    for f, s in measured:
        if f["measured_on"] == s["measured_on"]:
            by_kind.setdefault(str(f["measured_on"]), []).append(_Ratio(f, s, SYSTEM))
    for kind, ratios in by_kind.items():
        yield _summed(claim, f"{where}: {slow} -> {fast}, system with DMA", kind, ratios)


def _joined(
    rows: pd.DataFrame, slow: str, fast: str
) -> list[tuple[pd.Series[Any], pd.Series[Any]]]:
    """Rows (fast, slow) that are alike in all but their folding."""
    pairs = []
    for _, group in grouped(rows, POINT):
        ones = {row["folding"]: row for _, row in group.iterrows()}
        if slow in ones and fast in ones:
            pairs.append((ones[fast], ones[slow]))
    return pairs


def _both(fast: pd.Series[Any], slow: pd.Series[Any], column: str) -> bool:
    return bool(pd.notna(fast[column]) and pd.notna(slow[column]) and slow[column] > 0)


def _summed(claim: ThroughputClaim, what: str, origin: str, ratios: list[_Ratio]) -> _Found:
    """All precisions' ratios as one piece of evidence: that which is furthest from the claim."""
    within = [abs(one.value / claim.factor - 1) <= claim.within for one in ratios]
    worst = max(ratios, key=lambda one: abs(one.value / claim.factor - 1))
    low, high = min(one.value for one in ratios), max(one.value for one in ratios)
    arithmetic = (
        f"{precision(worst.fast)}: {worst.fast[worst.column]:,.0f} / "
        f"{worst.slow[worst.column]:,.0f} images/s = {worst.value:.1f}, "
        f"{worst.value / claim.factor - 1:+.1%} from {claim.factor:g}; "
        f"{counted(len(ratios), 'precision')}: {low:.1f} to {high:.1f}, "
        f"{sum(within)} within {claim.within:.0%}{_bound(worst)}"
    )
    names = tuple(row["experiment"] for one in ratios for row in (one.fast, one.slow))
    evidence = Evidence(what, arithmetic, worst.value, "times", origin, names)
    return _Found(evidence, origin, all(within), any(within))


def _bound(ratio: _Ratio) -> str:
    """What bounds the faster one, where it is not its core."""
    core, system = ratio.fast["ii_simulated"], ratio.fast["ii_measured"]
    if ratio.column != SYSTEM or pd.isna(core) or pd.isna(system) or system <= core:
        return ""
    return (
        f"; {ratio.fast['folding']} takes an image every {core:,.0f} cycles, with its DMA every "
        f"{system:,.0f}"
    )


def _sentence(rows: pd.DataFrame, slow: str, fast: str, found: list[_Found]) -> str:
    """One pair in a few words."""
    ratios = [
        f"{one.evidence.value:.1f}x {_short(one)}" for one in found if one.origin != "estimated"
    ]
    if ratios:
        fitting = rows[rows["folding"].eq(fast)]["fits"].dropna()
        number = counted(len(fitting), "precision")
        fits = f", '{fast}' fits the part at {int(fitting.sum())} of {number}"
        return f"{slow} -> {fast} {', '.join(ratios)}" + (fits if len(fitting) else "")
    absent = [name for name in (slow, fast) if not rows["folding"].eq(name).any()]
    if absent:
        return f"{slow} -> {fast} not run (the grid has no {' and no '.join(absent)})"
    return f"{slow} -> {fast} without numbers ({states(rows[rows['folding'].isin([slow, fast])])})"


def _short(found: _Found) -> str:
    if found.origin == "rtl-sim":
        return "in the core (rtl-sim)"
    return f"with DMA ({found.origin})"
