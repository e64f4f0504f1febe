"""The end of a run on the terminal: claims, the slowest stage, where the report is."""

from __future__ import annotations

from collections import defaultdict

from bench import claims
from bench.console.terminal import Terminal
from bench.console.text import duration_text
from bench.flows import all_stages
from bench.pipeline import Summary
from bench.session.reporting import Reported


def show_claims(reported: Reported, console: Terminal) -> None:
    """A line per claim, and which of them had a better verdict before."""
    console.print()
    claims.show_lines(reported.judgements, console)
    claims.show_regressions(reported.regressions, console)


def show_slowest(summary: Summary, console: Terminal) -> None:
    """The stage that took the most time, as its manifests say, this time or when it was made."""
    seconds: dict[str, list[float]] = defaultdict(list)
    made: dict[str, int] = defaultdict(int)
    for outcome in summary.outcomes.values():
        if outcome.entry is not None:
            stage = outcome.task.stage.name
            seconds[stage].append(outcome.entry.manifest.seconds)
            made[stage] += outcome.status != "kept"
    ran = [name for name in seconds if made[name]] or list(seconds)
    if not ran:
        return
    order = list(all_stages())
    slowest = max(sorted(ran, key=order.index), key=lambda name: sum(seconds[name]))
    times = seconds[slowest]
    kept = len(times) - made[slowest]
    origin = f", {kept} of them kept from earlier" if kept else ""
    console.print(f"slowest stage: {slowest}, {duration_text(sum(times))} for {len(times)}{origin}")


def show_files(reported: Reported, console: Terminal) -> None:
    """Where the report is, its page first, and what else it consists of."""
    if reported.written:
        page, *others = reported.written
        figures = (
            "figures" if reported.drawn else "figures (as in the last report: nothing differs)"
        )
        console.print(f"report: {page}", soft_wrap=True)
        names = ", ".join(path.name for path in others)
        console.print(f"        beside it: {names}, {figures}")
