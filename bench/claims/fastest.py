"""C2: is the fastest design that fits faster with fewer bits, and how many times?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from bench.claims.registry import Claim, Kind, Names, register
from bench.claims.rows import by_columns, judged_rows, none_judged
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted, exact_text, number_text
from bench.results import File, Row, precision
from bench.results.fastest import FITS, fastest_fitting, may_exceed, source_of_fits, why_none
from bench.results.rates import INTERVALS, rate
from bench.results.rows import grouped
from bench.words import Origin, Precision
from contract.fields import Means

Bits = Annotated[int, Field(ge=1, le=64)]
Times = Annotated[float, Field(gt=0, le=1e6)]
Wider = Annotated[tuple[Bits, Times], Means("[bits, so many times the reference's interval]")]
CORE, SYSTEM = INTERVALS[Origin.RTL_SIM], INTERVALS[Origin.MEASURED]
SHOWN = 6


class FastestClaim(Claim):
    """The fastest design that fits is so many times as fast as that of the reference precision.

    Attributes:
        reference: [weights, activations] that lower precisions are compared with.
        factor: So many times.
        within: The largest deviation from it, and the least difference between two rates, as a
            fraction.
        searched: Foldings that are found by a search for the fastest. A precision of which none of
            these fits and was simulated is shown and not judged: the grid's other foldings are not
            known to be the fastest.
        arithmetic: Wider precisions, each with how many times the reference's interval it takes.
    """

    judge: Literal["fastest"]
    reference: tuple[Bits, Bits]
    factor: Times
    within: Annotated[float, Field(ge=0, lt=1)]
    searched: Names
    arithmetic: tuple[Wider, ...] = ()


@dataclass(frozen=True)
class _Best:
    """The fastest design that fits at one precision."""

    bits: Precision
    row: Row
    searched: bool

    def __str__(self) -> str:
        return f"{self.bits} '{self.row['folding']}'"


@dataclass(frozen=True)
class _Ratio:
    """A lower precision's rate over the reference's, of one origin."""

    low: _Best
    value: float
    evidence: Evidence

    @property
    def told(self) -> str:
        return f"{self.low.bits} {self.value:.1f}x"


def judge(claim: FastestClaim, results: Sequence[Row]) -> Part:
    """The verdict, each network, data set and board judged apart.

    The factor is reproduced by a real board. Where lower precisions are faster, but not by the
    factor or not on a board, the claim is partly reproduced.
    """
    rows = judged_rows(results, claim.networks, (*INTERVALS.values(), FITS))
    groups = by_columns(rows, ("network", "dataset", "board"))
    parts = [
        _judge_group(claim, f"{network} on {dataset}, {board}", group)
        for (network, dataset, board), group in groups.items()
    ]
    return combined(parts, none_judged(results, claim.networks))


def _judge_group(claim: FastestClaim, where: str, rows: Sequence[Row]) -> Part:
    of_precision = grouped(rows, _precision)
    reference = Precision(*claim.reference)
    best = {bits: _best(claim, bits, own) for bits, own in of_precision.items()}
    lacking = [
        f"{bits}: {why_none(of_precision[bits])}" for bits, found in best.items() if not found
    ]
    held_against = best.get(reference)
    if held_against is None:
        why = why_none(of_precision[reference]) if reference in best else "it is not in the grid"
        return Part(Verdict.NOT_TESTABLE, f"{where}: nothing to compare with, {reference}: {why}.")
    lower = [found for bits, found in best.items() if found and _is_lower(bits, reference)]
    core = [_in_core(where, low, held_against) for low in lower]
    system = [ratio for low in lower if (ratio := _with_dma(where, low, held_against))]
    ratios = [*core, *system]
    judged = [ratio for ratio in ratios if ratio.low.searched and held_against.searched]
    evidence = [ratio.evidence for ratio in ratios]
    evidence += _wider(claim, where, held_against, core) if judged else []
    reason = _reason(claim, held_against, core, system, lacking)
    return Part(_verdict(claim, judged), f"{where}: {reason}.", evidence)


def _precision(row: Row) -> Precision:
    bits = precision(row)
    assert bits is not None, "only rows with a precision are judged"
    return bits


def _is_lower(bits: Precision, reference: Precision) -> bool:
    """Whether no width is larger and one is smaller."""
    pairs = zip(_widths(bits), _widths(reference), strict=True)
    return bits != reference and all(own <= other for own, other in pairs)


def _widths(bits: Precision) -> tuple[int, int]:
    """Of a precision of the rows that are judged, which have one width for all layers."""
    weights, activations = bits.weights, bits.activations
    assert isinstance(weights, int), "one width for all layers"
    assert isinstance(activations, int), "one width for all layers"
    return weights, activations


def _best(claim: FastestClaim, bits: Precision, rows: Sequence[Row]) -> _Best | None:
    row = fastest_fitting(rows)
    if row is None:
        return None
    searched = fastest_fitting([own for own in rows if own["folding"] in claim.searched])
    return _Best(bits, row, searched is not None)


def _verdict(claim: FastestClaim, judged: Sequence[_Ratio]) -> Verdict:
    if not judged:
        return Verdict.NOT_TESTABLE
    on_board = [ratio.value for ratio in judged if ratio.evidence.origin == Origin.BOARD]
    if on_board and abs(max(on_board) / claim.factor - 1) <= claim.within:
        return Verdict.REPRODUCED
    faster = any(ratio.value > 1 + claim.within for ratio in judged)
    return Verdict.PARTLY if faster else Verdict.NOT_REPRODUCED


def _in_core(where: str, low: _Best, reference: _Best) -> _Ratio:
    return _ratio(f"{where}: {low.bits} / {reference.bits}, core", low, reference, Origin.RTL_SIM)


def _with_dma(where: str, low: _Best, reference: _Best) -> _Ratio | None:
    """None where either was not measured, or not on the same kind of board."""
    kind = low.row["measured_on"]
    if kind is None or kind != reference.row["measured_on"]:
        return None
    if not (low.row[SYSTEM] and reference.row[SYSTEM]):
        return None
    what = f"{where}: {low.bits} / {reference.bits}, system with DMA"
    return _ratio(what, low, reference, Origin.MEASURED, Origin(kind))


def _ratio(
    what: str, low: _Best, reference: _Best, source: Origin, shown: Origin | None = None
) -> _Ratio:
    high, slow = rate(low.row, source), rate(reference.row, source)
    assert high, "a design without an interval is none of the fastest"
    assert slow, "nor is the reference"
    names = (low.row["experiment"], reference.row["experiment"])
    arithmetic = f"{_told(low, high)} / {_told(reference, slow)} images/s = {high / slow:.2f}" + (
        "" if low.searched and reference.searched else "; not judged: not searched for"
    )
    evidence = Evidence(what, arithmetic, high / slow, "times", shown or source, names)
    return _Ratio(low, high / slow, evidence)


def _told(best: _Best, images: float) -> str:
    return f"'{best.row['folding']}' {number_text(images)}"


def _wider(
    claim: FastestClaim, where: str, reference: _Best, core: Sequence[_Ratio]
) -> Iterator[Evidence]:
    """The fastest lower precision against wider ones than the reference, by arithmetic only."""
    fastest = max(core, key=lambda ratio: ratio.value).low
    for bits, times in claim.arithmetic:
        for column, scope in ((CORE, "core"), (SYSTEM, "system with DMA")):
            own, fast = reference.row[column], fastest.row[column]
            if not own or not fast:
                continue
            wide = max(times * reference.row[CORE], own)
            yield Evidence(
                f"{where}: {fastest.bits} / {bits} bits, {scope}",
                f"{bits} bits were not built: {times:g} times the "
                f"{exact_text(reference.row[CORE])} cycles of {reference}, {exact_text(wide)} / "
                f"{exact_text(fast)} cycles = {wide / fast:.1f}",
                wide / fast,
                "times",
                Origin.ARITHMETIC,
                (fastest.row["experiment"], reference.row["experiment"]),
            )


def _reason(
    claim: FastestClaim,
    reference: _Best,
    core: Sequence[_Ratio],
    system: Sequence[_Ratio],
    lacking: Sequence[str],
) -> str:
    """What the fastest designs that fit are, and what was left out."""
    if not core:
        return "; ".join([f"no lower precision than {reference.bits} to compare", *lacking])
    parts = [f"against {reference}, the fastest that fits, in the core: {_largest(core)}"]
    if system:
        kinds = " and ".join(dict.fromkeys(ratio.evidence.origin for ratio in system))
        parts.append(f"with the DMA ({kinds}): {_largest(system)}")
    parts.append(_fits([*(ratio.low for ratio in core), reference]))
    unsearched = [ratio.low for ratio in core if not ratio.low.searched]
    if not reference.searched:
        parts.append(f"not judged: no {_names(claim)} of {reference.bits} fits and was simulated")
    elif unsearched:
        low = counted(len(unsearched), "precision")
        parts.append(f"{low} not judged: no {_names(claim)} there fits and was simulated")
    if not any(ratio.evidence.origin == Origin.BOARD for ratio in system):
        parts.append("no real board has measured it")
    return "; ".join([*parts, f"the claim is {claim.factor:g} times", *lacking])


def _names(claim: FastestClaim) -> str:
    return " or ".join(f"'{name}'" for name in claim.searched)


def _fits(compared: Sequence[_Best]) -> str:
    """What says that they fit, and of which of them the error bars leave it open."""
    said = " and ".join(dict.fromkeys(source_of_fits(best.row) for best in compared))
    unsure = [f"{best.bits} {over}" for best in compared if (over := may_exceed(best.row))]
    if not unsure:
        return f"`fits` is {said}"
    return f"`fits` is {said}, not certain at the upper end of the error bars: {_first(unsure)}"


def _largest(ratios: Sequence[_Ratio]) -> str:
    ordered = sorted(ratios, key=lambda ratio: ratio.value, reverse=True)
    return _first([ratio.told for ratio in ordered])


def _first(told: Sequence[str]) -> str:
    more = f" and {len(told) - SHOWN} more" if len(told) > SHOWN else ""
    return ", ".join(told[:SHOWN]) + more


register(Kind(name="fastest", table=FastestClaim, file=File.RESULTS, judge=judge))
