"""Verdicts, their evidence, and how the verdicts of several parts are combined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bench.words import Origin


class Verdict(StrEnum):
    """The outcome of judging a claim."""

    REPRODUCED = "reproduced"
    PARTLY = "partly"
    NOT_REPRODUCED = "not reproduced"
    NOT_TESTABLE = "not testable"

    @property
    def worth(self) -> int:
        """The larger, the better; not testable counts as little as not reproduced."""
        return {Verdict.REPRODUCED: 2, Verdict.PARTLY: 1}.get(self, 0)


@dataclass(frozen=True)
class Evidence:
    """One number that a verdict rests on.

    Attributes:
        what: What was compared.
        arithmetic: How the number is calculated, and what it is compared with.
        value: Unrounded; None where it is not available.
        rows: Names of the experiments it is from.
    """

    what: str
    arithmetic: str
    value: float | None
    unit: str
    origin: Origin
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """The verdict on a part of a claim, such as one data set."""

    verdict: Verdict
    reason: str
    evidence: Sequence[Evidence] = ()


def combined(parts: Sequence[Part], none: str) -> Part:
    """One verdict for all parts: theirs where they agree, else partly.

    A part that is not testable keeps the others from a full verdict, never from a negative verdict.

    Args:
        parts: At best one per data set.
        none: Why, where there are no parts at all.
    """
    if not parts:
        return Part(Verdict.NOT_TESTABLE, none)
    verdicts = {part.verdict for part in parts}
    tested = verdicts - {Verdict.NOT_TESTABLE}
    if len(verdicts) == 1:
        verdict = verdicts.pop()
    elif tested == {Verdict.NOT_REPRODUCED}:
        verdict = Verdict.NOT_REPRODUCED
    else:
        verdict = Verdict.PARTLY
    reasons = tuple(dict.fromkeys(part.reason for part in parts))
    return Part(verdict, " ".join(reasons), [e for part in parts for e in part.evidence])
