"""All claims of a file, judged on one grid's results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.claims.table import AccuracyClaim, AnyClaim, ThroughputClaim
from bench.claims.verdict import Judgement, Part

if TYPE_CHECKING:
    import pandas as pd


def judge(
    claims: Mapping[str, AnyClaim], results: pd.DataFrame, trainings: pd.DataFrame
) -> tuple[Judgement, ...]:
    """The verdict on each of `claims`, in their order.

    Args:
        claims: As `load_claims` gives them.
        results: As `bench.report.collect` gives them: one row per experiment.
        trainings: As `bench.report.collect_trainings` gives them.

    Raises:
        ConfigError: The tables lack the columns that name their rows.
    """
    return tuple(
        _judgement(name, claim, _part(claim, results, trainings)) for name, claim in claims.items()
    )


def _part(claim: AnyClaim, results: pd.DataFrame, trainings: pd.DataFrame) -> Part:
    # Each needs pandas, which whoever only reads claims does without.
    from bench.claims.accuracy import judge_accuracy  # noqa: PLC0415
    from bench.claims.resources import judge_resources  # noqa: PLC0415
    from bench.claims.throughput import judge_throughput  # noqa: PLC0415

    if isinstance(claim, AccuracyClaim):
        return judge_accuracy(claim, trainings)
    if isinstance(claim, ThroughputClaim):
        return judge_throughput(claim, results)
    return judge_resources(claim, results)


def _judgement(name: str, claim: AnyClaim, part: Part) -> Judgement:
    return Judgement(
        claim=name,
        title=claim.title,
        statement=claim.statement,
        source=claim.source,
        verdict=part.verdict,
        reason=part.reason,
        tolerance=f"{claim.tolerance} Why: {claim.why} A full verdict needs: {claim.full}",
        evidence=part.evidence,
    )
