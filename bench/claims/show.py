"""Verdicts on a terminal: one line each, or with all their numbers; never wider than 80."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding
from rich.text import Text

from bench.claims.judge import Judgement
from bench.claims.kept import Regression
from bench.claims.verdict import Evidence, Verdict
from bench.console.terminal import Terminal, styled

COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.PARTLY: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.NOT_TESTABLE: "dim",
}
WIDTH = 80
# Comparisons shown of a claim; claims.json has them all.
SHOWN = 12


def show_lines(judgements: Sequence[Judgement], console: Terminal) -> None:
    """A line for each claim."""
    width = max((len(judgement.name) for judgement in judgements), default=0)
    for judgement in judgements:
        name, verdict = f"{judgement.name:{width}}", _mark(judgement.verdict, 14)
        console.print(styled("claim {}  {}  {}", name, verdict, judgement.claim.title))


def show_claims(judgements: Sequence[Judgement], console: Terminal) -> None:
    """Each claim with its verdict, the reason, the tolerance and the numbers."""
    for judgement in judgements:
        claim, verdict = judgement.claim, _mark(judgement.verdict)
        console.print(
            styled("\n[bold]{}[/] {}: {}", judgement.name, claim.title, verdict),
            width=_width(console),
        )
        for label, text in (
            ("claim", f"{claim.statement} ({claim.source})"),
            ("reason", judgement.part.reason),
            ("tolerance", judgement.tolerance),
        ):
            _print(console, styled("[dim]{}:[/] {}", label, text))
        chosen = _most_telling(judgement.evidence)
        for evidence in chosen:
            _print(console, styled("- {} [dim]({})[/]", evidence.what, evidence.origin))
            _print(console, evidence.arithmetic, indent=4)
        more = len(judgement.evidence) - len(chosen)
        if more:
            _print(console, f"... and {more} more, in claims.json")


def show_regressions(regressions: Sequence[Regression], console: Terminal) -> None:
    """Claims whose verdict was better before."""
    for regression in regressions:
        console.print(styled("[red bold]regression:[/] {}", regression))


def _mark(verdict: Verdict, width: int = 0) -> Text:
    return Text(f"{verdict:{width}}", COLOURS[verdict])


def _print(console: Terminal, text: str | Text, indent: int = 2) -> None:
    console.print(Padding(text, (0, 0, 0, indent)), width=_width(console))


def _width(console: Terminal) -> int:
    return min(console.width, WIDTH)


def _most_telling(evidence: Sequence[Evidence]) -> list[Evidence]:
    """All of it, or where that is too much, the lowest numbers, in their order."""
    if len(evidence) <= SHOWN:
        return list(evidence)
    lowest = sorted(evidence, key=lambda piece: (piece.value is None, piece.value))[:SHOWN]
    return [piece for piece in evidence if piece in lowest]
