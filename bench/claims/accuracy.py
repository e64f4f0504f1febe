"""C1: is low precision as accurate as the reference, within what chance explains?"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from bench.claims.registry import Claim, Kind, register
from bench.claims.rows import by_columns, judged_rows
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted
from bench.results import File, Row, column
from bench.results.rows import grouped, states
from bench.words import Precision

Bits = Annotated[int, Field(ge=1, le=32)]
Widths = Annotated[tuple[Bits, ...], Field(min_length=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]
ACCURACY, TEST_IMAGES = column("accuracy"), column("test_images")
SHOWN = 6


class AccuracyClaim(Claim):
    """Low precision is as accurate as the reference precision.

    Attributes:
        reference: [weights, activations] that the others are compared with.
        weight_bits, act_bits: Every pair of the two is compared.
        epochs: Enough training.
        standard_errors: How many standard errors of the difference are within chance.
        training_std: Spread between seeds, as a fraction, where too few seeds were trained.
        seeds_for_spread: From so many seeds on their own spread is taken.
    """

    judge: Literal["accuracy"]
    reference: tuple[Bits, Bits]
    weight_bits: Widths
    act_bits: Widths
    epochs: Count
    standard_errors: Annotated[float, Field(gt=0, le=1e6)]
    training_std: Annotated[float, Field(ge=0, lt=1)]
    seeds_for_spread: Annotated[int, Field(ge=2, le=1_000_000)]


@dataclass(frozen=True)
class _Point:
    """One precision: mean accuracy over its seeds, and how far chance may move it.

    `variance` is of the mean: that of counting over the test images, which all seeds share, and
    that of the training divided by the number of seeds.
    """

    mean: float
    variance: float
    seeds: int
    names: tuple[str, ...]


def judge(claim: AccuracyClaim, trainings: Sequence[Row]) -> Part:
    """The verdict, each network, data set and length of training judged apart."""
    pairs = {Precision(*claim.reference)}
    pairs |= {Precision(*bits) for bits in product(claim.weight_bits, claim.act_bits)}
    rows = judged_rows(trainings, claim.networks, (ACCURACY.name,))
    compared = [row for row in rows if _precision(row) in pairs and row["epochs"] is not None]
    groups = by_columns(compared, ("network", "dataset", "epochs"))
    parts = [
        _judge_group(claim, f"{network} on {dataset}, {counted(int(epochs), 'epoch')}", group)
        for (network, dataset, epochs), group in groups.items()
    ]
    return combined(parts, f"No training of {' or '.join(claim.networks)} is in the grid.")


def _precision(row: Row) -> Precision:
    """Of a training, each of which has one."""
    return Precision.of(row["weight_bits"], row["act_bits"])


def _judge_group(claim: AccuracyClaim, where: str, rows: Sequence[Row]) -> Part:
    reference, images = Precision(*claim.reference), rows[0][TEST_IMAGES.name]
    if images is None:
        why = "it is not known how many images its data set is tested on"
        return Part(Verdict.NOT_TESTABLE, f"{where}: {why}.")
    trained = grouped(rows, _precision)
    points = {bits: _point(claim, images, group) for bits, group in trained.items()}
    held_against = points.pop(reference, None)
    if held_against is None:
        own = trained.get(reference)
        why = f"of {reference}: {states(own)}" if own else f"and {reference} is not in the grid"
        return Part(Verdict.NOT_TESTABLE, f"{where}: no accuracy to compare with, {why}.")
    if not points:
        return Part(Verdict.NOT_TESTABLE, f"{where}: nothing but {reference} was to be trained.")
    evidence: list[Evidence] = []
    outside: list[str] = []
    lacking: list[str] = []
    for low, point in points.items():
        if point is None:
            lacking.append(low.label)
            continue
        what = f"{where}: {low} against {reference}"
        compared, is_within = _compare(claim, what, held_against, point)
        evidence.append(compared)
        if not is_within:
            outside.append(f"{low} ({compared.value:+.2f})")
    enough = bool(rows[0]["epochs"] >= claim.epochs)
    verdict = _verdict(len(evidence), outside, lacking, enough=enough)
    return Part(verdict, _reason(claim, where, evidence, outside, lacking, enough=enough), evidence)


def _reason(
    claim: AccuracyClaim,
    where: str,
    evidence: Sequence[Evidence],
    outside: Sequence[str],
    lacking: Sequence[str],
    *,
    enough: bool,
) -> str:
    reason = (
        f"{where}: {len(evidence) - len(outside)} of {counted(len(evidence), 'lower precision')} "
        f"no less accurate than {Precision(*claim.reference)}, within the tolerance"
    )
    if outside:
        reason += f"; further below (points): {_first(outside)}"
    if lacking:
        reason += f"; without an accuracy: {_first(lacking)}"
    if not enough:
        reason += f"; the claim is about enough training, which is {counted(claim.epochs, 'epoch')}"
    return f"{reason}."


def _verdict(
    compared: int, outside: Sequence[str], lacking: Sequence[str], *, enough: bool
) -> Verdict:
    if not compared:
        return Verdict.NOT_TESTABLE
    if len(outside) == compared:
        return Verdict.NOT_REPRODUCED if enough else Verdict.NOT_TESTABLE
    return Verdict.PARTLY if outside or lacking or not enough else Verdict.REPRODUCED


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _point(claim: AccuracyClaim, images: int, rows: Sequence[Row]) -> _Point | None:
    """One precision's trainings as a point, tested on `images`; None without an accuracy."""
    trained = [row for row in rows if row[ACCURACY.name] is not None]
    if not trained:
        return None
    accuracies = [float(row[ACCURACY.name]) for row in trained]
    mean, seeds = statistics.fmean(accuracies), len(accuracies)
    own = seeds >= claim.seeds_for_spread
    spread = statistics.stdev(accuracies) if own else claim.training_std
    variance = mean * (1 - mean) / images + spread**2 / seeds
    return _Point(mean, variance, seeds, tuple(row["experiment"] for row in trained))


def _compare(
    claim: AccuracyClaim, what: str, reference: _Point, low: _Point
) -> tuple[Evidence, bool]:
    """The comparison as evidence, in points of a percent, and whether it is within chance."""
    difference = 100 * (low.mean - reference.mean)
    error = 100 * math.sqrt(low.variance + reference.variance)
    allowed = claim.standard_errors * error
    is_within = difference >= -allowed
    seeds = "" if max(low.seeds, reference.seeds) == 1 else f" (means of {low.seeds} seeds)"
    arithmetic = (
        f"{low.mean:.2%} - {reference.mean:.2%} = {difference:+.2f} points{seeds}; allowed "
        f"-{claim.standard_errors:g} x {error:.2f} = -{allowed:.2f}: "
        f"{'within' if is_within else 'outside'}"
    )
    names = (*low.names, *reference.names)
    unit, origin = "percentage points", ACCURACY.origin
    return Evidence(what, arithmetic, difference, unit, origin, names), is_within


register(Kind(name="accuracy", table=AccuracyClaim, file=File.TRAININGS, judge=judge))
