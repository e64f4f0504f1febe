"""C3: do fewer bits cost fewer resources?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd

from bench.claims.frames import grouped, judged_rows, precision
from bench.claims.table import ResourceClaim
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted
from bench.provenance import PART

# Designs that differ in nothing but their bits.
DESIGN = ("seed", "board", "folding")
# Says of an estimate that it leaves out layers, where it is one that may.
SCOPES = {"lut": "lut_scope"}
SYNTHESIZED = "synthesized"
ESTIMATED = "estimated"
UNITS = {"lut": "LUT", "bram18": "BRAM18", "dsp": "DSP"}
# FINN's model of an MVAU's DSPs is the same at any bit width; what its Verilog instantiates is not.
ESTIMATES = {"lut": "lut", "bram18": "bram18", "dsp": "dsp_instantiated"}


@dataclass(frozen=True)
class _Counts:
    """Comparisons of designs with fewer bits to designs with more.

    `extreme` are the two that are furthest apart in bits.
    """

    fewer: int
    equal: int
    more: int
    extreme: tuple[Any, Any]
    names: tuple[str, ...]
    used: bool

    @property
    def total(self) -> int:
        return self.fewer + self.equal + self.more


@dataclass(frozen=True)
class _Finding:
    """What one resource says: a part's verdict, and a phrase for the reason."""

    verdict: Verdict
    phrase: str
    origin: str
    evidence: Evidence | None = None


def judge_resources(claim: ResourceClaim, results: pd.DataFrame) -> Part:
    """The verdict, each network and data set judged apart.

    Synthesized numbers count where there are any. Estimates are compared only between designs
    whose matrix layers are of the same kinds, and as many of each: FINN models each kind in its
    own way. An estimate that leaves layers out is not compared at all.

    Args:
        claim: What is claimed.
        results: One row per experiment.
    """
    made = tuple(f"{name}_synth" for name in claim.resources)
    estimates = (ESTIMATES[name] for name in claim.resources)
    names = ("matrix_layers", *SCOPES.values(), "board", "folding")
    rows = judged_rows(results, claim.networks, names, (*estimates, *made), "results")
    rows["variant"] = rows["matrix_layers"].astype("string").fillna("")
    parts = [
        _judge_group(claim, f"{network} on {dataset}", group)
        for (network, dataset), group in grouped(rows, ("network", "dataset"))
    ]
    return combined(parts, f"No design of {' or '.join(claim.networks)} is in the grid.")


def _judge_group(claim: ResourceClaim, where: str, rows: pd.DataFrame) -> Part:
    findings = list(_findings(claim, where, rows))
    evidence = tuple(one.evidence for one in findings if one.evidence)
    synthesized = [one for one in findings if one.origin == SYNTHESIZED and one.evidence]
    judged = synthesized or findings
    verdicts = {one.verdict for one in judged} - {Verdict.NOT_TESTABLE}
    if not verdicts:
        verdict = Verdict.NOT_TESTABLE
    elif verdicts == {Verdict.NOT_REPRODUCED}:
        verdict = Verdict.NOT_REPRODUCED
    elif verdicts == {Verdict.REPRODUCED} and synthesized:
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.PARTLY
    phrases = "; ".join(one.phrase for one in findings) or "no two designs to compare"
    note = "" if synthesized else "; nothing was synthesized, and FINN's model has the bits in it"
    return Part(verdict, f"{where}: {phrases}{note}.", evidence)


def _findings(claim: ResourceClaim, where: str, rows: pd.DataFrame) -> Iterator[_Finding]:
    """Every resource in every variant, then what was synthesized."""
    estimated = rows[rows["variant"].ne("")]
    for (variant,), group in grouped(estimated, ("variant",)):
        for resource in claim.resources:
            scope = SCOPES.get(resource)
            if scope is not None and group[scope].eq(PART).fillna(False).any():
                phrase = f"{UNITS[resource]} of {variant} not testable (estimate leaves them out)"
                yield _Finding(Verdict.NOT_TESTABLE, phrase, ESTIMATED)
                continue
            column = ESTIMATES[resource]
            yield _finding(claim, f"{where}, {variant}", variant, resource, group, column)
    for resource in claim.resources:
        column = f"{resource}_synth"
        if rows[column].notna().any():
            what = f"{where}, Vivado"
            yield _finding(claim, what, SYNTHESIZED, resource, rows, column)


def _finding(
    claim: ResourceClaim, what: str, variant: str, resource: str, rows: pd.DataFrame, column: str
) -> _Finding:
    origin = SYNTHESIZED if variant == SYNTHESIZED else ESTIMATED
    name = f"{UNITS[resource]} of {variant}" if origin == ESTIMATED else f"{UNITS[resource]} built"
    counts = _count(rows, column)
    if counts is None:
        return _Finding(Verdict.NOT_TESTABLE, f"{name} not testable (one precision only)", origin)
    if not counts.used:
        return _Finding(Verdict.NOT_TESTABLE, f"{name} not testable (none is used)", origin)
    if counts.more == 0 and counts.fewer > claim.share * counts.total:
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.PARTLY if counts.fewer else Verdict.NOT_REPRODUCED
    less, more = counts.extreme
    change = float(less[column]) - float(more[column])
    arithmetic = (
        f"{less['folding']}: {precision(less)} {less[column]:,.0f} - {precision(more)} "
        f"{more[column]:,.0f} = {change:+,.0f}; fewer bits cost fewer in {counts.fewer}, as many "
        f"in {counts.equal}, more in {counts.more} of {counted(counts.total, 'comparison')}"
    )
    evidence = Evidence(
        f"{what}: {UNITS[resource]}", arithmetic, change, UNITS[resource], origin, counts.names
    )
    phrase = f"{name} fewer in {counts.fewer} of {counts.total}"
    phrase += f", more in {counts.more}" if counts.more else ""
    return _Finding(verdict, phrase, origin, evidence)


def _count(rows: pd.DataFrame, column: str) -> _Counts | None:
    """Every two designs of which one has no width larger and one smaller; None without such."""
    tally = {-1: 0, 0: 0, 1: 0}
    extreme: tuple[Any, Any] | None = None
    names: dict[str, None] = {}
    used = False
    for _, group in grouped(rows.dropna(subset=[column]), DESIGN):
        for one, other in combinations(group.to_dict("records"), 2):
            gap = _gap(one, other)
            less, more = (one, other) if gap > 0 else (other, one)
            if gap == 0:
                continue
            change = float(less[column]) - float(more[column])
            tally[(change > 0) - (change < 0)] += 1
            used = used or less[column] > 0 or more[column] > 0
            names |= {str(less["experiment"]): None, str(more["experiment"]): None}
            if extreme is None or abs(gap) > _gap(*extreme):
                extreme = less, more
    if extreme is None:
        return None
    return _Counts(tally[-1], tally[0], tally[1], extreme, tuple(names), used)


def _gap(one: Any, other: Any) -> int:
    """Bits that `other` has more than `one`, negative where fewer; 0 where not comparable."""
    weights = int(other["weight_bits"] - one["weight_bits"])
    acts = int(other["act_bits"] - one["act_bits"])
    return weights + acts if weights * acts >= 0 else 0
