"""C3: do fewer bits cost fewer resources?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.claims.registry import Claim, Kind, register
from bench.claims.rows import by_columns, judged_rows, none_judged
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted
from bench.input.schema import Line, disagree
from bench.results import PART, Column, File, Row, column, columns, precision, refinements
from bench.words import Origin

# Designs that differ in nothing but their bits.
DESIGN = ("seed", "board", "folding", "pe_simd", "cores")
# Numbers of these have no bits in a formula.
BUILT = {Origin.MAPPED: "mapped", Origin.SYNTHESIZED: "built"}


class ResourceClaim(Claim):
    """Fewer bits cost fewer resources.

    Attributes:
        resources: Columns of results.csv with estimates of them, which mapping or Vivado refines.
        share: Holds where no comparison shows more, and more than this share of them fewer.
        alike: By resource, the fraction by which two mapped numbers may differ and count as the
            same.
    """

    judge: Literal["resources"]
    resources: Annotated[tuple[Line, ...], Field(min_length=1)]
    share: Annotated[float, Field(ge=0, lt=1)]
    alike: dict[Line, Annotated[float, Field(ge=0, lt=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _are_columns(self) -> ResourceClaim:
        refined = [estimate.name for estimate in columns() if estimate.refined_by]
        for name in self.resources:
            if name not in refined:
                what = f"names '{name}', which is no resource"
                raise disagree("resources", what, f"There are {', '.join(refined)}.")
        for name in self.alike:
            if name not in self.resources:
                what = f"names '{name}', which `resources` does not"
                raise disagree("alike", what, f"They are {', '.join(self.resources)}.")
        return self


@dataclass(frozen=True)
class _Counts:
    """Comparisons of designs with fewer bits to designs with more.

    `extreme` are the two that are furthest apart in bits.
    """

    fewer: int
    equal: int
    more: int
    extreme: tuple[Row, Row]
    names: tuple[str, ...]
    used: bool

    @property
    def total(self) -> int:
        return self.fewer + self.equal + self.more


@dataclass(frozen=True)
class _Finding:
    """What one resource says: a part's verdict, and a phrase for the reason.

    `superseded`: a better source knows it of every design that it is about.
    """

    verdict: Verdict
    phrase: str
    origin: Origin
    superseded: bool
    evidence: Evidence | None = None


def judge(claim: ResourceClaim, results: Sequence[Row]) -> Part:
    """The verdict, each network and data set judged apart.

    Numbers of the best source decide: Vivado's, then mapped ones, then estimates. Estimates are
    compared only between designs whose matrix layers are of the same kinds, and as many of each:
    each kind is modelled in a way of its own. An estimate that leaves layers out is not compared.
    The reason speaks of estimates only of designs of which nothing better is known; the evidence
    has them behind what decides.
    """
    numbers = [
        source.name
        for estimate in map(column, claim.resources)
        for source in (estimate, *refinements(estimate))
    ]
    rows = judged_rows(results, claim.networks, numbers)
    parts = [
        _judge_group(claim, f"{network} on {dataset}", group)
        for (network, dataset), group in by_columns(rows, ("network", "dataset")).items()
    ]
    return combined(parts, none_judged(results, claim.networks))


def _unit(resource: Column) -> str:
    return resource.unit or resource.name


def _named(resource: Column) -> str:
    """Such as `LUT`, `DSP (dsp_instantiated)`: with the column where others have its unit."""
    unit = _unit(resource)
    return unit if resource.name == unit.lower() else f"{unit} ({resource.name})"


def _judge_group(claim: ResourceClaim, where: str, rows: Sequence[Row]) -> Part:
    findings = list(_findings(claim, where, rows))
    sources = {finding.origin for finding in findings if finding.evidence}
    best = next((origin for origin in reversed(BUILT) if origin in sources), None)
    deciding = [finding for finding in findings if best in (None, finding.origin)]
    others = [finding for finding in findings if best not in (None, finding.origin)]
    evidence = [finding.evidence for finding in (*deciding, *others) if finding.evidence]
    verdicts = {finding.verdict for finding in deciding} - {Verdict.NOT_TESTABLE}
    if not verdicts:
        verdict = Verdict.NOT_TESTABLE
    elif verdicts == {Verdict.NOT_REPRODUCED}:
        verdict = Verdict.NOT_REPRODUCED
    elif verdicts == {Verdict.REPRODUCED} and best:
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.PARTLY
    told = [*deciding, *(finding for finding in others if not finding.superseded)]
    phrases = "; ".join(finding.phrase for finding in told) or "no two designs to compare"
    note = "" if best else f"; {_without(findings)}, and the estimate's model has the bits in it"
    return Part(verdict, f"{where}: {phrases}{note}.", evidence)


def _without(findings: Sequence[_Finding]) -> str:
    """Why no count but the estimate decides."""
    made = any(finding.origin in BUILT for finding in findings)
    return "no two mapped designs are comparable" if made else "nothing was mapped"


def _findings(claim: ResourceClaim, where: str, rows: Sequence[Row]) -> Iterator[_Finding]:
    """Every resource in every variant, then what was mapped and what was built."""
    resources = [column(name) for name in claim.resources]
    variants = dict.fromkeys(row[own.alike_in] for own in resources if own.alike_in for row in rows)
    for variant in (variant for variant in variants if variant):
        for resource in resources:
            group = [row for row in rows if resource.alike_in and row[resource.alike_in] == variant]
            name = f"{_named(resource)} of {variant}"
            if resource.scope and any(row[resource.scope] == PART for row in group):
                phrase = f"{name} not testable (estimate leaves them out)"
                known = _is_superseded(resource, group)
                yield _Finding(Verdict.NOT_TESTABLE, phrase, resource.origin, known)
            else:
                what = f"{where}, {variant}: {_named(resource)}"
                yield _finding(claim, what, name, resource, group)
    better = {source: est.name for est in resources for source in refinements(est)}
    for resource, estimate in better.items():
        if any(row[resource.name] is not None for row in rows):
            how = BUILT.get(resource.origin, str(resource.origin))
            alike = claim.alike.get(estimate, 0.0) if resource.origin == Origin.MAPPED else 0.0
            name = f"{_unit(resource)} {how}"
            what = f"{where}, {how}: {_unit(resource)}"
            yield _finding(claim, what, name, resource, rows, alike)


def _is_superseded(resource: Column, rows: Sequence[Row]) -> bool:
    """Whether a better source has the number of every row that has one."""
    better = refinements(resource)
    known = [row for row in rows if row[resource.name] is not None]
    return all(any(row[source.name] is not None for source in better) for row in known)


def _finding(
    claim: ResourceClaim,
    what: str,
    name: str,
    resource: Column,
    rows: Sequence[Row],
    alike: float = 0.0,
) -> _Finding:
    known = _is_superseded(resource, rows)
    counts = _count(rows, resource.name, alike)
    if counts is None or not counts.used:
        why = "none is used" if counts else "one precision only"
        phrase = f"{name} not testable ({why})"
        return _Finding(Verdict.NOT_TESTABLE, phrase, resource.origin, known)
    if counts.more == 0 and counts.fewer > claim.share * counts.total:
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.PARTLY if counts.fewer else Verdict.NOT_REPRODUCED
    less, more = counts.extreme
    low, high = float(less[resource.name]), float(more[resource.name])
    arithmetic = (
        f"{less['folding']}: {precision(less)} {low:,.0f} - {precision(more)} "
        f"{high:,.0f} = {low - high:+,.0f}; fewer bits cost fewer in {counts.fewer}, as many "
        f"in {counts.equal}, more in {counts.more} of {counted(counts.total, 'comparison')}"
    )
    unit, origin = _unit(resource), resource.origin
    evidence = Evidence(what, arithmetic, low - high, unit, origin, counts.names)
    phrase = f"{name} fewer in {counts.fewer} of {counts.total}"
    phrase += f", more in {counts.more}" if counts.more else ""
    return _Finding(verdict, phrase, resource.origin, known, evidence)


def _count(rows: Sequence[Row], name: str, alike: float) -> _Counts | None:
    """Every two designs of which one has no width larger and one smaller; None without such.

    Args:
        rows: Of one network and data set.
        name: The column that is compared.
        alike: The fraction by which two numbers may differ and count as the same.
    """
    tally = {-1: 0, 0: 0, 1: 0}
    extreme: tuple[Row, Row] | None = None
    names: dict[str, None] = {}
    used = False
    for _, group in by_columns((row for row in rows if row[name] is not None), DESIGN).items():
        for first, second in combinations(group, 2):
            gap = _gap(first, second)
            less, more = (first, second) if gap > 0 else (second, first)
            if gap == 0:
                continue
            low, high = float(less[name]), float(more[name])
            change = 0 if abs(low - high) <= alike * max(low, high) else low - high
            tally[(change > 0) - (change < 0)] += 1
            used = used or less[name] > 0 or more[name] > 0
            names |= {str(less["experiment"]): None, str(more["experiment"]): None}
            if extreme is None or abs(gap) > _gap(*extreme):
                extreme = less, more
    if extreme is None:
        return None
    return _Counts(tally[-1], tally[0], tally[1], extreme, tuple(names), used)


def _gap(less: Row, more: Row) -> int:
    """Bits that `more` has more than `less`, negative where fewer; 0 where not comparable."""
    weights = int(more["weight_bits"]) - int(less["weight_bits"])
    acts = int(more["act_bits"]) - int(less["act_bits"])
    return weights + acts if weights * acts >= 0 else 0


register(Kind(name="resources", table=ResourceClaim, file=File.RESULTS, judge=judge))
