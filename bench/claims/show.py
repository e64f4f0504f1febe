"""Verdicts on a terminal: one line each, or with all their numbers; never wider than 80."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding
from rich.text import Text

from bench.claims.kept import Regression
from bench.claims.verdict import Evidence, Judgement, Verdict
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
    width = max((len(one.claim) for one in judgements), default=0)
    for one in judgements:
        name = f"{one.claim:{width}}"
        console.print(styled("claim {}  {}  {}", name, _mark(one.verdict, 14), one.title))


def show_claims(judgements: Sequence[Judgement], console: Terminal) -> None:
    """Each claim with its verdict, the reason, the tolerance and the numbers."""
    for one in judgements:
        console.print(
            styled("\n[bold]{}[/] {}: {}", one.claim, one.title, _mark(one.verdict)),
            width=_width(console),
        )
        for label, text in (
            ("claim", f"{one.statement} ({one.source})"),
            ("found", one.reason),
            ("tolerance", one.tolerance),
        ):
            _print(console, styled("[dim]{}:[/] {}", label, text))
        chosen = _most_telling(one.evidence)
        for evidence in chosen:
            _print(console, styled("- {} [dim]({})[/]", evidence.what, evidence.origin))
            _print(console, evidence.arithmetic, indent=4)
        if len(one.evidence) > len(chosen):
            _print(console, f"... and {len(one.evidence) - len(chosen)} more, in claims.json")


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
    lowest = sorted(evidence, key=lambda one: (one.value is None, one.value))[:SHOWN]
    return [one for one in evidence if one in lowest]
