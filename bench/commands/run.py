"""`bench run`: make what is missing, then report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench import report
from bench.console.events import Emit, Planned
from bench.console.progress import make_view
from bench.console.terminal import Terminal
from bench.console.text import counted, duration_text
from bench.paths import environments_folder
from bench.pipeline import Summary, execute
from bench.session import closing, options, overrides, reporting, runners
from bench.session.beyond import show_beyond
from bench.session.grids import Changes
from bench.session.kinds import SchedulerAddress
from bench.session.options import Bounds
from bench.session.prepare import Prepared, prepare, require_boards
from bench.session.preview import show_forecast
from bench.words import Status

if TYPE_CHECKING:
    from bench.cluster import DaskBackend


@click.command("run")
@options.grid_options
@options.bound_options
@options.rows_option
@click.option(
    "--scheduler",
    type=SchedulerAddress(),
    help="Run on the Dask cluster whose scheduler answers there, e.g. tcp://host:8786.",
)
@options.dry_run_option
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    changes: Changes,
    bounds: Bounds,
    names: tuple[str, ...],
    scheduler: str | None,
    dry_run: bool,
    runner: str,
    store_path: Path,
) -> None:
    """Run the experiments of FILE: whatever is not in the store yet is made now.

    It may be interrupted; the next run continues where this one stopped.

    \b
    Examples:
      bench run experiments/quick.toml
      bench run experiments/quick.toml --only train --jobs 1
      bench run experiments/quick.toml --images 10000 --exact
      bench run experiments/quick.toml --row tfc-mnist-w2a2-s1-max
    """
    console = Terminal(soft_wrap=not sys.stdout.isatty())
    ready = prepare(
        file, changes, bounds, names, runner, store_path, elsewhere=scheduler is not None
    )
    folder = reporting.folder_of(ready.grid, store_path)
    if dry_run:
        _dry_run(ready, scheduler, folder, console)
        return
    require_boards(ready)
    if runners.prepare_runner(ready.choice):
        ready = ready.looked_up_again()
    overrides.record(store_path, ready.grid.name, changes)
    show_beyond(ready.tasks, ready.expected, ready.grid.grid.limits, console)
    summary, ready = _execute(ready, scheduler, folder, console)
    _link(ready, summary)
    _tell(console, len(ready.tasks), summary)
    timing = report.write_timing(ready.expected, ready.tasks, summary, folder)
    made = {task: outcome.entry for task, outcome in summary.outcomes.items()}
    survey = ready.survey.after(made, ready.resolver)
    if not bounds.only:
        reported = reporting.report_on(ready.grid, survey, ready.stated, folder)
        _show(reported, ready, summary, console)
    if timing:
        console.print(report.timing_line(timing))
    if wrong := closing.wrong_designs(survey, ready.wanted):
        context.obj.explain(wrong)
    for error in summary.errors:
        context.obj.explain(error)
    context.exit(int(summary.exit_code))


def _dry_run(ready: Prepared, scheduler: str | None, folder: Path, console: Terminal) -> None:
    """Say what would run, and where the report would be."""
    if scheduler is not None:
        backend = _cluster(scheduler, ready, lambda _: None)
        ready = ready.at_once(backend.slots)
        backend.close()
    show_forecast(ready.expected, ready.resolver.store.root, console)
    show_beyond(ready.tasks, ready.expected, ready.grid.grid.limits, console)
    console.print("`bench plan --tasks` lists every task.")
    console.print(f"would write: {folder}", soft_wrap=True)


def _execute(
    ready: Prepared, scheduler: str | None, folder: Path, console: Terminal
) -> tuple[Summary, Prepared]:
    """Run the tasks with a progress view; the forecast is saved before the first starts."""
    backend = None
    with make_view(console) as view:
        if scheduler is not None:
            backend = _cluster(scheduler, ready, view.show)
            ready = ready.at_once(backend.slots)
        report.write_forecast(ready.expected, folder)
        choice, said = ready.choice, report.expectation(ready.expected)
        jobs = ready.expected.jobs
        view.show(Planned(len(ready.tasks), jobs, choice.runner.name, choice.reason, said))
        summary = execute(
            ready.tasks,
            ready.resolver,
            jobs,
            runners.available_cpus(),
            view.show,
            memory=ready.memory,
            backend=backend,
            missing=ready.missing,
        )
    return summary, ready


def _cluster(scheduler: str, ready: Prepared, emit: Emit) -> DaskBackend:
    from bench.cluster import DaskBackend, Site  # noqa: PLC0415  # it takes half a second

    store = ready.resolver.store.root
    grid, runner = ready.grid.grid, ready.choice.runner.name
    limits = runners.limits_of(grid)
    site = Site(store, environments_folder(store), runner, limits, grid.paths)
    return DaskBackend(scheduler, ready.resolver, site, emit)


def _show(
    reported: reporting.Reported, ready: Prepared, summary: Summary, console: Terminal
) -> None:
    """Show the results of the rows that were wanted."""
    wanted = {point.name for point in ready.wanted}
    results = reported.results[reported.results["experiment"].isin(wanted)]
    report.show(results.reset_index(drop=True), ready.grid.name, console)
    closing.show_claims(reported, console)
    closing.show_slowest(summary, console)
    closing.show_files(reported, console)


def _link(ready: Prepared, summary: Summary) -> None:
    """Link every artifact of the run to the experiments that it serves."""
    for task in ready.tasks:
        entry = summary.outcomes[task.id].entry
        if entry is not None:
            for experiment in task.serves:
                ready.resolver.store.link(ready.grid.name, experiment, task.stage.name, entry)


def _tell(console: Terminal, tasks: int, summary: Summary) -> None:
    kept, skipped = summary.count("kept"), summary.count(Status.SKIPPED)
    if kept + skipped == tasks and not summary.errors and kept:
        all_are = "the only task is" if kept == 1 else f"all {kept:,} tasks are"
        line = f"Nothing to do: {all_are} in the store, and every hash is right."
        reasons = {o.reason for o in summary.outcomes.values() if o.status == Status.SKIPPED}
        line += f" {skipped} skipped ({', '.join(sorted(reasons))})." if skipped else ""
    else:
        found = _counts(summary, Status.WRONG, Status.INFEASIBLE)
        among = f" ({', '.join(found)})" if found else ""
        rest = _counts(summary, Status.FAILED, Status.SKIPPED)
        line = ", ".join(
            (f"{counted(summary.made, 'task')} done{among}", f"{kept} kept from earlier", *rest)
        )
        line += "."
    console.print(f"{line} {duration_text(summary.seconds)}")


def _counts(summary: Summary, *statuses: Status) -> list[str]:
    counts = ((status, summary.count(status)) for status in statuses)
    return [f"{number} {status}" for status, number in counts if number]
