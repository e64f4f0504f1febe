"""All claims of a file, judged on one grid's results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from bench.claims.registry import Claim, kinds
from bench.claims.verdict import Evidence, Part, Verdict
from bench.console.text import listed
from bench.results import File

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judgement:
    """The verdict on a claim.

    Attributes:
        name: In claims.toml.
        claim: As stated there.
        part: The verdict, its reason and its evidence.
        in_grid: Whether the grid has a network that the claim is about.
    """

    name: str
    claim: Claim
    part: Part
    in_grid: bool = True

    @property
    def verdict(self) -> Verdict:
        """Of the claim as a whole."""
        return self.part.verdict

    @property
    def tolerance(self) -> str:
        """How close was close enough, and why."""
        claim = self.claim
        return f"{claim.tolerance} Why: {claim.why} A full verdict needs: {claim.full}"

    @property
    def evidence(self) -> Sequence[Evidence]:
        """The numbers and the arithmetic."""
        return self.part.evidence

    def as_json(self) -> dict[str, Any]:
        """As in claims.json; its form is described in docs/artifact-appendix.md."""
        return {
            "claim": self.name,
            "title": self.claim.title,
            "statement": self.claim.statement,
            "source": self.claim.source,
            "networks": list(self.claim.networks),
            "in_grid": self.in_grid,
            "verdict": self.verdict,
            "reason": self.part.reason,
            "tolerance": self.tolerance,
            "evidence": [asdict(evidence) for evidence in self.evidence],
        }


def judge(
    claims: Mapping[str, Claim], results: pd.DataFrame, trainings: pd.DataFrame
) -> tuple[Judgement, ...]:
    """The verdict on each of `claims`, in their order.

    `results` and `trainings` are as `collect` and `collect_trainings` of `bench.report` make them.
    """
    from bench.results.frame import rows_of  # noqa: PLC0415  # pandas, to judge only

    rows = {File.RESULTS: rows_of(results), File.TRAININGS: rows_of(trainings)}
    networks = {row["network"] for each in rows.values() for row in each}
    of_claims = ((name, claim, kinds()[claim.judge]) for name, claim in claims.items())
    return tuple(
        Judgement(
            name, claim, kind.judge(claim, rows[kind.file]), not networks.isdisjoint(claim.networks)
        )
        for name, claim, kind in of_claims
    )


def elsewhere(judged: Sequence[Mapping[str, Any]]) -> str:
    """A sentence on the claims whose networks are not in the grid; empty where there are none.

    Args:
        judged: As in claims.json under "claims".
    """
    others = [claim for claim in judged if not claim["in_grid"]]
    if not others:
        return ""
    networks = dict.fromkeys(network for claim in others for network in claim["networks"])
    many = len(others) > 1
    names = listed(claim["claim"] for claim in others)
    sources = "; ".join(dict.fromkeys(claim["source"] for claim in others if claim["source"]))
    another = "other networks" if len(networks) > 1 else "another network"
    told = f"{'Claims' if many else 'Claim'} {names}" + (f" ({sources})" if sources else "")
    return f"{told} {'are' if many else 'is'} about {another}, {listed(networks)}."


def as_json(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """What claims.json holds."""
    return {"claims": [judgement.as_json() for judgement in judgements]}
