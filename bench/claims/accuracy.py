"""C1: is low precision as accurate as the reference, within what chance explains?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from bench.claims.frames import grouped, judged_rows, states
from bench.claims.table import AccuracyClaim
from bench.claims.verdict import Evidence, Part, Verdict, combined
from bench.console.text import counted
from bench.datasets import DATASETS


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


def judge_accuracy(claim: AccuracyClaim, trainings: pd.DataFrame) -> Part:
    """The verdict, each network, data set and length of training judged apart.

    Args:
        claim: What is claimed.
        trainings: One row per training, with `accuracy` and `epochs`.
    """
    rows = judged_rows(trainings, claim.networks, ("epochs",), ("accuracy",), "trainings")
    pairs = {claim.reference, *product(claim.weight_bits, claim.act_bits)}
    known = zip(rows["weight_bits"], rows["act_bits"], strict=True)
    keep = pd.Series([bits in pairs for bits in known], index=rows.index, dtype=bool)
    parts = [
        _judge_group(claim, network, dataset, int(epochs), group)
        for (network, dataset, epochs), group in grouped(
            rows[keep].dropna(subset=["epochs"]), ("network", "dataset", "epochs")
        )
    ]
    return combined(parts, f"No training of {' or '.join(claim.networks)} is in the grid.")


def _judge_group(
    claim: AccuracyClaim, network: str, dataset: str, epochs: int, rows: pd.DataFrame
) -> Part:
    name = "w{}a{}".format(*claim.reference)
    where = f"{network} on {dataset}, {counted(epochs, 'epoch')}"
    if dataset not in DATASETS:
        why = "bench does not know this data set, so not how many images it is tested on"
        return Part(Verdict.NOT_TESTABLE, f"{where}: {why}.")
    images = DATASETS[dataset].test_images
    points = {
        bits: _point(claim, images, group)
        for bits, group in grouped(rows, ("weight_bits", "act_bits"))
    }
    reference = points.pop(claim.reference, None)
    if reference is None:
        of_it = rows[rows["weight_bits"].eq(claim.reference[0])]
        of_it = of_it[of_it["act_bits"].eq(claim.reference[1])]
        why = f"of {name}: {states(of_it)}" if len(of_it) else f"and {name} is not in the grid"
        return Part(Verdict.NOT_TESTABLE, f"{where}: no accuracy to compare with, {why}.")
    if not points:
        return Part(Verdict.NOT_TESTABLE, f"{where}: nothing but {name} was to be trained.")
    evidence: list[Evidence] = []
    outside: list[str] = []
    lacking: list[str] = []
    for bits, point in points.items():
        low = "w{}a{}".format(*bits)
        if point is None:
            lacking.append(low)
            continue
        compared, is_within = _compare(claim, f"{where}: {low} against {name}", reference, point)
        evidence.append(compared)
        if not is_within:
            outside.append(f"{low} ({compared.value:+.2f})")
    return _verdict(claim, where, rows, evidence, outside, lacking)


def _verdict(
    claim: AccuracyClaim,
    where: str,
    rows: pd.DataFrame,
    evidence: list[Evidence],
    outside: list[str],
    lacking: list[str],
) -> Part:
    within = len(evidence) - len(outside)
    enough = bool(rows["epochs"].iloc[0] >= claim.epochs)
    reason = (
        f"{where}: {within} of {counted(len(evidence), 'lower precision')} no less accurate than "
        f"w{claim.reference[0]}a{claim.reference[1]}, within the tolerance"
    )
    if outside:
        reason += f"; further below (points): {_first(outside)}"
    if lacking:
        reason += f"; without an accuracy: {_first(lacking)}"
    if not enough:
        reason += f"; the claim is about enough training, which is {counted(claim.epochs, 'epoch')}"
    if not evidence:
        verdict = Verdict.NOT_TESTABLE
    elif within == 0:
        verdict = Verdict.NOT_REPRODUCED if enough else Verdict.NOT_TESTABLE
    elif outside or lacking or not enough:
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.REPRODUCED
    return Part(verdict, f"{reason}.", tuple(evidence))


def _first(names: list[str], shown: int = 6) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _point(claim: AccuracyClaim, images: int, rows: Any) -> _Point | None:
    """One precision's trainings as a point, tested on `images`; None without an accuracy."""
    known = rows.dropna(subset=["accuracy"])
    if known.empty:
        return None
    accuracies = known["accuracy"].astype(float)
    mean = float(accuracies.mean())
    seeds = len(accuracies)
    own = seeds >= claim.seeds_for_spread
    spread = float(accuracies.std()) if own else claim.training_std
    variance = mean * (1 - mean) / images + spread**2 / seeds
    return _Point(mean, variance, seeds, tuple(known["experiment"]))


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
    return Evidence(what, arithmetic, difference, "percentage points", "trained", names), is_within
