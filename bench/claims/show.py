"""Verdicts on a terminal: one line each, or with all their numbers."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from bench.claims.judge import Judgement, as_json, elsewhere
from bench.claims.kept import Regression
from bench.claims.verdict import Evidence, Verdict
from bench.console.terminal import Terminal, styled

COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.PARTLY: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.NOT_TESTABLE: "dim",
}
# Comparisons shown of a claim; claims.json has them all.
SHOWN = 12


def show_lines(judgements: Sequence[Judgement], console: Terminal) -> None:
    """A line for each claim about a network of the grid, and one for all others."""
    own = [judgement for judgement in judgements if judgement.in_grid]
    width = max((len(judgement.name) for judgement in own), default=0)
    for judgement in own:
        name, verdict = f"{judgement.name:{width}}", _mark(judgement.verdict, 14)
        console.print(styled("claim {}  {}  {}", name, verdict, judgement.claim.title))
    _show_elsewhere(judgements, console)


def show_claims(judgements: Sequence[Judgement], console: Terminal) -> None:
    """Each claim about a network of the grid: verdict, reason, tolerance and numbers."""
    for judgement in (judgement for judgement in judgements if judgement.in_grid):
        claim, verdict = judgement.claim, _mark(judgement.verdict)
        console.print(
            styled("\n[bold]{}[/] {}: {}", judgement.name, claim.title, verdict),
            width=console.readable,
        )
        for label, text in (
            ("claim", f"{claim.statement} ({claim.source})"),
            ("reason", judgement.part.reason),
            ("tolerance", judgement.tolerance),
        ):
            console.paragraph(styled("[dim]{}:[/] {}", label, text), indent=2)
        chosen = _most_telling(judgement.evidence)
        for evidence in chosen:
            console.paragraph(styled("- {} [dim]({})[/]", evidence.what, evidence.origin), indent=2)
            console.paragraph(evidence.arithmetic, indent=4)
        more = len(judgement.evidence) - len(chosen)
        if more:
            console.paragraph(f"... and {more} more, in claims.json", indent=2)
    _show_elsewhere(judgements, console)


def show_regressions(regressions: Sequence[Regression], console: Terminal) -> None:
    """Claims whose verdict was better before."""
    for regression in regressions:
        console.print(styled("[red bold]regression:[/] {}", regression))


def _show_elsewhere(judgements: Sequence[Judgement], console: Terminal) -> None:
    if sentence := elsewhere(as_json(judgements)["claims"]):
        console.print(sentence, width=console.readable)


def _mark(verdict: Verdict, width: int = 0) -> Text:
    return Text(f"{verdict:{width}}", COLOURS[verdict])


def _most_telling(evidence: Sequence[Evidence]) -> list[Evidence]:
    """All of it, or where that is too much, the lowest numbers, in their order."""
    if len(evidence) <= SHOWN:
        return list(evidence)
    lowest = sorted(evidence, key=lambda piece: (piece.value is None, piece.value))[:SHOWN]
    return [piece for piece in evidence if piece in lowest]
