"""Verdicts on a terminal: one line each, or with all their numbers; never wider than 80."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from bench.claims.kept import Fall
from bench.claims.verdict import Evidence, Judgement, Verdict

COLOURS = {
    Verdict.REPRODUCED: "green",
    Verdict.PARTLY: "yellow",
    Verdict.NOT_REPRODUCED: "red",
    Verdict.NOT_TESTABLE: "dim",
}
WIDTH = 80
# Comparisons shown of a claim; claims.json has them all.
SHOWN = 12


def show_lines(judgements: Sequence[Judgement], console: Console) -> None:
    """A line for each claim."""
    width = max((len(one.claim) for one in judgements), default=0)
    for one in judgements:
        name, title = f"{one.claim:{width}}", escape(one.title)
        console.print(f"claim {escape(name)}  {_mark(one.verdict)}  {title}", highlight=False)


def show_claims(judgements: Sequence[Judgement], console: Console) -> None:
    """Each claim with its verdict, the reason, the tolerance and the numbers."""
    for one in judgements:
        console.print(
            f"\n[bold]{escape(one.claim)}[/] {escape(one.title)}: {_mark(one.verdict).rstrip()}",
            highlight=False,
            width=_width(console),
        )
        for label, text in (
            ("claim", f"{one.statement} ({one.source})"),
            ("found", one.reason),
            ("tolerance", one.tolerance),
        ):
            _print(console, f"[dim]{label}:[/] {escape(text)}")
        chosen = _most_telling(one.evidence)
        for evidence in chosen:
            _print(console, f"- {escape(evidence.what)} [dim]({escape(evidence.origin)})[/]")
            _print(console, escape(evidence.arithmetic), indent=4)
        if len(one.evidence) > len(chosen):
            _print(console, f"... and {len(one.evidence) - len(chosen)} more, in claims.json")


def show_falls(falls: Sequence[Fall], console: Console) -> None:
    """What fared better before, if anything did."""
    for fall in falls:
        console.print(f"[red bold]worse than before:[/] {escape(str(fall))}", highlight=False)


def _mark(verdict: Verdict) -> str:
    return f"[{COLOURS[verdict]}]{verdict:14}[/]"


def _print(console: Console, text: str, indent: int = 2) -> None:
    console.print(Padding(text, (0, 0, 0, indent)), highlight=False, width=_width(console))


def _width(console: Console) -> int:
    return min(console.width, WIDTH)


def _most_telling(evidence: Sequence[Evidence]) -> list[Evidence]:
    """All of it, or where that is too much, the lowest numbers, in their order."""
    if len(evidence) <= SHOWN:
        return list(evidence)
    lowest = sorted(evidence, key=lambda one: (one.value is None, one.value))[:SHOWN]
    return [one for one in evidence if one in lowest]
