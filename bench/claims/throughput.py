"""Is one folding so many times as fast as another, in the core and with its DMA?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.claims.registry import Claim, Kind, register
from bench.claims.rows import by_columns, judged_rows, none_judged, of_precision
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted, exact_text, number_text, shown
from bench.input.schema import Line, disagree
from bench.results import File, Row
from bench.results.rates import INTERVALS, alike_but_for_folding, rate
from bench.results.rows import states
from bench.words import Origin
from contract.fields import Means

Pair = Annotated[tuple[Line, Line], Means("two names of foldings: [slow, fast]")]
CORE, SYSTEM = INTERVALS[Origin.RTL_SIM], INTERVALS[Origin.MEASURED]
ON_BOARDS = (Origin.EMULATED_BOARD, Origin.BOARD)


class ThroughputClaim(Claim):
    """One folding is so many times as fast as another.

    Attributes:
        factor: So many times.
        within: The largest deviation from it, as a fraction.
        pairs: Candidate pairs of foldings, [slow, fast].
    """

    judge: Literal["throughput"]
    factor: Annotated[float, Field(gt=0, le=1e6)]
    within: Annotated[float, Field(ge=0, lt=1)]
    pairs: Annotated[tuple[Pair, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _differ(self) -> ThroughputClaim:
        for pair in self.pairs:
            if pair[0] == pair[1]:
                what = f"names {shown(pair)}, and no folding is faster than itself"
                raise disagree("pairs", what, "Name two foldings: [slow, fast].")
        return self


@dataclass(frozen=True)
class _Ratio:
    """One folding over another at one precision, in images per second of one origin."""

    fast: Row
    slow: Row
    rates: tuple[float, float]

    @property
    def value(self) -> float:
        return self.rates[0] / self.rates[1]


@dataclass(frozen=True)
class _Ratios:
    """The ratios of one pair of foldings from one origin, as evidence."""

    evidence: Evidence
    origin: Origin
    all_within: bool
    any_within: bool


def judge(claim: ThroughputClaim, results: Sequence[Row]) -> Part:
    """The verdict, each network and data set judged apart.

    A claim about a deployed network is reproduced by a measurement on a real board; what is within
    the tolerance in simulation, or on the emulated board, makes it partly so.
    """
    rows = judged_rows(results, claim.networks, (*INTERVALS.values(), "fits"), models=True)
    parts = [
        _judge_group(claim, f"{network} on {dataset}", group)
        for (network, dataset), group in by_columns(rows, ("network", "dataset")).items()
    ]
    return combined(parts, none_judged(results, claim.networks))


def _judge_group(claim: ThroughputClaim, where: str, rows: Sequence[Row]) -> Part:
    by_pair = {pair: list(_pair(claim, where, rows, *pair)) for pair in claim.pairs}
    ratios = [ratio for of_pair in by_pair.values() for ratio in of_pair]
    judged = [ratio for ratio in ratios if ratio.origin != Origin.ESTIMATED]
    on_board = [ratio for ratio in judged if ratio.origin == Origin.BOARD]
    if not judged:
        verdict = Verdict.NOT_TESTABLE
    elif any(ratio.all_within for ratio in on_board):
        verdict = Verdict.REPRODUCED
    elif any(ratio.any_within for ratio in judged):
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.NOT_REPRODUCED
    sentences = [_sentence(rows, *pair, own) for pair, own in by_pair.items()]
    reason = f"{where}: {'; '.join(sentences)}"
    if judged and not on_board:
        reason += "; no real board has measured it"
    return Part(verdict, f"{reason}.", [ratio.evidence for ratio in ratios])


def _pair(
    claim: ThroughputClaim, where: str, rows: Sequence[Row], slow: str, fast: str
) -> Iterator[_Ratios]:
    """What is known of one pair: estimated, in the core, and measured by each kind of board."""
    joined = _joined(rows, slow, fast)
    what = f"{where}: {slow} -> {fast}"
    for origin in (Origin.ESTIMATED, Origin.RTL_SIM):
        if ratios := _ratios(joined, origin):
            yield _summed(claim, f"{what}, core", origin, ratios)
    measured = [pair for pair in joined if pair[0]["measured_on"] == pair[1]["measured_on"]]
    kinds = dict.fromkeys(fast["measured_on"] for fast, _ in measured)
    for kind in (Origin(kind) for kind in kinds if kind is not None):
        of_kind = [pair for pair in measured if pair[0]["measured_on"] == kind]
        if ratios := _ratios(of_kind, Origin.MEASURED):
            yield _summed(claim, f"{what}, system with DMA", kind, ratios)


def _joined(rows: Sequence[Row], slow: str, fast: str) -> list[tuple[Row, Row]]:
    """Rows (fast, slow) that are alike in all but their folding."""
    points: dict[object, dict[str, Row]] = {}
    for row in rows:
        points.setdefault(alike_but_for_folding(row), {})[row["folding"]] = row
    return [(own[fast], own[slow]) for own in points.values() if slow in own and fast in own]


def _ratios(pairs: Sequence[tuple[Row, Row]], origin: Origin) -> list[_Ratio]:
    return [
        _Ratio(fast, slow, (high, low))
        for fast, slow in pairs
        if (high := rate(fast, origin)) and (low := rate(slow, origin))
    ]


def _summed(claim: ThroughputClaim, what: str, origin: Origin, ratios: Sequence[_Ratio]) -> _Ratios:
    """All precisions' ratios as one piece of evidence: that which is furthest from the claim."""
    within = [abs(ratio.value / claim.factor - 1) <= claim.within for ratio in ratios]
    worst = max(ratios, key=lambda ratio: abs(ratio.value / claim.factor - 1))
    low, high = min(ratio.value for ratio in ratios), max(ratio.value for ratio in ratios)
    arithmetic = (
        f"{of_precision(worst.fast)}: {number_text(worst.rates[0])} / "
        f"{number_text(worst.rates[1])} images/s = {worst.value:.1f}, "
        f"{worst.value / claim.factor - 1:+.1%} from {claim.factor:g}; "
        f"{counted(len(ratios), 'precision')}: {low:.1f} to {high:.1f}, "
        f"{sum(within)} within {claim.within:.0%}"
    )
    if origin in ON_BOARDS:
        arithmetic += _bound(worst)
    names = tuple(row["experiment"] for ratio in ratios for row in (ratio.fast, ratio.slow))
    evidence = Evidence(what, arithmetic, worst.value, "times", origin, names)
    return _Ratios(evidence, origin, all(within), any(within))


def _bound(ratio: _Ratio) -> str:
    """What bounds the faster one, where it is not its core."""
    core, system = ratio.fast[CORE], ratio.fast[SYSTEM]
    if core is None or system <= core:
        return ""
    return (
        f"; {ratio.fast['folding']} takes an image every {exact_text(core)} cycles, with its DMA "
        f"every {exact_text(system)}"
    )


def _sentence(rows: Sequence[Row], slow: str, fast: str, ratios: Sequence[_Ratios]) -> str:
    """One pair in a few words."""
    judged = [ratio for ratio in ratios if ratio.origin != Origin.ESTIMATED]
    if judged:
        told = ", ".join(f"{ratio.evidence.value:.1f}x {_where(ratio.origin)}" for ratio in judged)
        fits = [row["fits"] for row in rows if row["folding"] == fast and row["fits"] is not None]
        number = counted(len(fits), "precision")
        fitting = f", '{fast}' fits the part at {sum(fits)} of {number}" if fits else ""
        return f"{slow} -> {fast} {told}{fitting}"
    foldings = {row["folding"] for row in rows}
    if absent := [name for name in (slow, fast) if name not in foldings]:
        return f"{slow} -> {fast} not run (the grid has no {' and no '.join(absent)})"
    pair = [row for row in rows if row["folding"] in (slow, fast)]
    return f"{slow} -> {fast} without numbers ({states(pair)})"


def _where(origin: Origin) -> str:
    return f"with DMA ({origin})" if origin in ON_BOARDS else f"in the core ({origin})"


register(Kind(name="throughput", table=ThroughputClaim, file=File.RESULTS, judge=judge))
