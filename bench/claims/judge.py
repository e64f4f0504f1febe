"""All claims of a file, judged on one grid's results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bench.claims.registry import Claim, kinds
from bench.claims.verdict import Judgement, Part
from bench.results import File

if TYPE_CHECKING:
    import pandas as pd


def judge(
    claims: Mapping[str, Claim], results: pd.DataFrame, trainings: pd.DataFrame
) -> tuple[Judgement, ...]:
    """The verdict on each of `claims`, in their order.

    Args:
        claims: As `load_claims` gives them.
        results: As `bench.report.collect` gives them: one row per experiment.
        trainings: As `bench.report.collect_trainings` gives them.
    """
    from bench.results.frame import rows_of  # noqa: PLC0415  # pandas, to judge only

    rows = {File.RESULTS: rows_of(results), File.TRAININGS: rows_of(trainings)}
    judged = []
    for name, claim in claims.items():
        kind = kinds()[claim.judge]
        judged.append(_judgement(name, claim, kind.judge(claim, rows[kind.file])))
    return tuple(judged)


def _judgement(name: str, claim: Claim, part: Part) -> Judgement:
    return Judgement(
        claim=name,
        title=claim.title,
        statement=claim.statement,
        source=claim.source,
        verdict=part.verdict,
        reason=part.reason,
        tolerance=f"{claim.tolerance} Why: {claim.why} A full verdict needs: {claim.full}",
        evidence=tuple(part.evidence),
    )
