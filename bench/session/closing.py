"""The closing lines of a command: claims, the slowest stage, files, wrong designs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bench import claims
from bench.console.terminal import Terminal
from bench.console.text import counted, duration_text
from bench.errors import WrongDesign
from bench.flows import all_stages
from bench.grids.experiment import Point
from bench.pipeline import Summary, Survey
from bench.session.reporting import Reported
from bench.words import Status

WRONG_SHOWN = 3


def show_claims(reported: Reported, console: Terminal) -> None:
    """A line per claim, and the regressions."""
    console.print()
    claims.show_lines(reported.judgements, console)
    claims.show_regressions(reported.regressions, console)


def show_slowest(summary: Summary, console: Terminal) -> None:
    """The stage whose manifests add up to the most time; if any stage ran, one that did."""
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
    """Where the report is, and its files."""
    page, *others = reported.written
    figures = "figures" if reported.drawn else "figures (unchanged since the last report)"
    names = ", ".join(path.name for path in others)
    console.print(f"report: {page}", soft_wrap=True)
    console.print(f"        beside it: {names}, {figures}")


def wrong_designs(survey: Survey, points: Iterable[Point]) -> WrongDesign | None:
    """The error that names the points whose designs compute something else than the model."""
    wrong = [(p, state) for p in points if (state := survey.state_of(p)).status == Status.WRONG]
    if not wrong:
        return None
    first, stopped = wrong[0]
    rows = counted(len(wrong), "row computes", "rows compute")
    lines = [f"{point.name}: {state.reason}" for point, state in wrong[:WRONG_SHOWN]]
    more = [f"... and {len(wrong) - WRONG_SHOWN} more"] if len(wrong) > WRONG_SHOWN else []
    return WrongDesign(
        "\n".join([f"{rows} something else than the trained model.", *lines, *more]),
        "Do not use these designs. Their measurements are left out of tables, figures, ratios and "
        "claims; `bench why ROW` shows what is behind a row. If the reason does not say what to "
        "change, please report it with the log.",
        survey.steps_of(first)[stopped.stage].log if stopped.stage else None,
    )


def require_none_wrong(survey: Survey, points: Iterable[Point]) -> None:
    """Raise `WrongDesign` if the design of one of the points is wrong."""
    if error := wrong_designs(survey, points):
        raise error
