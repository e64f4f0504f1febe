"""What a run would do and take, as `bench plan` and `bench run --dry-run` show it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from rich.text import Text

from bench.console.progress import COLOURS
from bench.console.tables import Column, Table
from bench.console.terminal import Terminal, styled
from bench.console.text import counted, duration_text, memory_text, number_text, size_text
from bench.environments import ENVIRONMENTS
from bench.flows import Bottleneck, flow_named
from bench.grids.tables import Grid
from bench.grids.trainings import known_layers
from bench.pipeline import Forecast, Step, Survey, Task
from bench.pipeline.budget import SETUP_SECONDS
from bench.system.files import existing
from bench.words import Status

_SHARES_WIDTH = 28
_SHARES = (
    "By layer: the cycles of each layer with weights, from the first to the last, as a percentage "
    "of those of the slowest."
)
_VERIFIED = (
    "Manifests and metrics of cached artifacts are verified; a run verifies every file, and makes "
    "damaged artifacts again."
)


def show_tasks(forecast: Forecast, tasks: list[Task], survey: Survey, console: Terminal) -> None:
    """Print a line for each task."""
    for task in tasks:
        console.one_line(_task_line(task, forecast, survey.steps[task.id]))


def show_forecast(forecast: Forecast, store: Path, console: Terminal) -> None:
    """Print a table by stage, and the totals."""
    headings = ("cached", "to run", "skipped", "time", "memory", "disk", "time from")
    numbers = (Column(heading=heading, numeric=True) for heading in headings)
    table = Table([Column(heading="stage"), *numbers])
    for stage in forecast.stages:
        counts = (stage.cached, stage.to_run, stage.skipped)
        cells = [str(count) if count else "" for count in counts]
        if stage.to_run:
            source = counted(stage.runs, "run") if stage.runs else "default"
            size = size_text(stage.disk)
            cells += [duration_text(stage.seconds), memory_text(stage.memory), size, source]
        table.add(stage.stage, *cells)
    table.end_section()
    sums = (duration_text(forecast.seconds), "", size_text(forecast.disk))
    table.add("total", "", "", "", *sums)
    table.show(console)
    for closing in _closing_lines(forecast, store):
        console.print(closing)


def _task_line(task: Task, forecast: Forecast, step: Step) -> Text:
    what = f"{task.stage.name:8} {task.name}"
    serves = f"  (serves {counted(len(task.serves), 'experiment')})" if len(task.serves) > 1 else ""
    if step.entry:
        return styled("{} {}{}", Text(f"{step.status:5}", COLOURS[step.status]), what, serves)
    if likely := forecast.predictions.get(task.id):
        seconds = duration_text(likely.cost.seconds)
        return styled("[yellow]to do[/] {}{}  {}", what, serves, seconds)
    reason = step.reason if step.status == Status.SKIPPED else "its compilation will be infeasible"
    return styled("[dim]skip [/] {}  ({})", what, reason or "")


def _closing_lines(forecast: Forecast, store: Path) -> list[str | Text]:
    if not forecast.predictions:
        return [_VERIFIED, "Nothing to run: the report takes a few seconds."]
    lines: list[str | Text] = [_VERIFIED] if any(stage.cached for stage in forecast.stages) else []
    disk = forecast.disk
    if forecast.setups:
        seconds = sum(SETUP_SECONDS.get(name, 0.0) for name in forecast.setups)
        size = sum(ENVIRONMENTS[n].disk_bytes for n in forecast.setups if n in ENVIRONMENTS)
        disk += size
        lines.append(
            f"First, once: environments {', '.join(forecast.setups)}, "
            f"about {duration_text(seconds)} and up to {size_text(size)} (defaults)."
        )
    lines.append(
        f"Expected on the clock: {duration_text(forecast.wall_seconds)}, "
        f"{forecast.jobs} at a time; memory up to {memory_text(forecast.memory)}; "
        f"disk {size_text(disk)}."
    )
    lines.append(_source(forecast))
    free = shutil.disk_usage(existing(store)).free
    if free < disk:
        lines.append(styled("[red]Only {} are free in {}.[/]", size_text(free), store))
    return lines


def _source(forecast: Forecast) -> str:
    if not forecast.from_earlier_runs:
        some = any(likely.runs for likely in forecast.predictions.values())
        start = "Most of the time is from" if some else "From"
        why = "of that has run yet" if some else "similar has run yet"
        return (
            f"{start} defaults, as nothing {why}: measured for TFC on 2 idle processors "
            "(docs/explanation/benchmarks.md). Another machine, or a busy one, may take twice that "
            "or more."
        )
    if forecast.elsewhere:
        return "From earlier runs, some of them on another machine."
    return f"From earlier runs on this machine ({forecast.machine})."


def show_bottlenecks(grid: Grid, console: Terminal) -> None:
    """Print the slowest layer of each folding, which sets the interval."""
    table = Table(
        [
            Column(heading="folding"),
            Column(heading="slowest layer", wraps=True),
            Column(heading="cycles", numeric=True),
            Column(heading="images/s", numeric=True),
            Column(heading="by layer, %", numeric=True, wraps=True, most=_SHARES_WIDTH),
        ]
    )
    foldings = flow_named(grid.flow).foldings
    known = known_layers(grid)
    found: list[Bottleneck] = []
    for shapes in known:
        for folding in grid.folds:
            slowest = foldings.bottleneck(folding, shapes, grid.build)
            found.append(slowest)
            table.add(folding.name, slowest.layer, *_numbers(slowest))
    table.show(console)
    if any(slowest.shares for slowest in found):
        console.print(_SHARES)
    if None in known:
        console.print(
            f"The layers of {grid.network} are not known yet; defaults of time are those of LeNet5."
        )


def _numbers(slowest: Bottleneck) -> Iterator[str]:
    if slowest.cycles is None:
        yield from ("", "", "")
        return
    yield f"{'<= ' if slowest.is_bound else ''}{slowest.cycles:,.0f}"
    yield f"{'>=' if slowest.is_bound else '<='} {number_text(slowest.fps)}"
    yield " ".join(f"{100 * share:.0f}" for share in slowest.shares)
