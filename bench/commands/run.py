"""`bench run`: make what is missing, then report."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench import report
from bench.console.events import Emit, Planned
from bench.console.progress import make_view
from bench.console.terminal import Terminal
from bench.console.text import counted, duration_text
from bench.paths import environments_folder
from bench.pipeline import Forecast, Resolver, Summary, Task, execute
from bench.session import closing, common, options, overrides, reporting, rows, wrong
from bench.session.bounds import Bounds, bound_options
from bench.session.kinds import SchedulerAddress
from bench.session.prepare import Prepared, prepare
from bench.session.preview import show_forecast
from bench.words import Status

if TYPE_CHECKING:
    from bench.cluster import DaskBackend


@click.command("run")
@common.grid_options
@bound_options
@rows.rows_option
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
    changes: common.Changes,
    bounds: Bounds,
    names: tuple[str, ...],
    scheduler: str | None,
    dry_run: bool,
    runner: str,
    store_path: Path,
) -> None:
    """Run the experiments of FILE: whatever is not in the store yet is made now.

    Interrupt it as you like; the next run goes on where this one stopped.

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
    grid, tasks, resolver = ready.grid, ready.tasks, ready.resolver
    folder = store_path / "reports" / grid.name
    if dry_run:
        _rehearse(ready, scheduler, folder, console)
        return
    ready = _with_base(ready)
    overrides.record(store_path, grid.name, changes)
    summary, expected = _execute(ready, scheduler, folder, console)
    _link(grid.name, tasks, summary, resolver)
    _tell(console, tasks, summary)
    timing = report.write_timing(expected, tasks, summary, folder)
    if not bounds.only:
        about = report.About(file, changes.options)
        kept = {i: one.entry for i, one in summary.outcomes.items() if one.entry is not None}
        reported = reporting.report_on(
            grid, ready.experiments, resolver, folder, ready.stated, about, kept
        )
        _show(reported, {point.name for point in ready.wanted}, grid.name, summary, console)
    if timing:
        console.print(report.timing_line(timing))
    if found := wrong.of_run(summary):
        context.obj.explain(wrong.error(found))
    for error in summary.errors:
        context.obj.explain(error)
    context.exit(int(summary.exit_code))


def _rehearse(ready: Prepared, scheduler: str | None, folder: Path, console: Terminal) -> None:
    """Say what would run, and where the report would be."""
    expected = ready.expected
    if scheduler is not None:
        backend = _cluster(scheduler, ready, lambda _: None)
        expected = ready.foreseen(backend.slots)
        backend.close()
    show_forecast(expected, ready.resolver.store.root, console)
    console.print("`bench plan --tasks` lists every task.")
    console.print(f"would write: {folder}", soft_wrap=True)


def _with_base(ready: Prepared) -> Prepared:
    """Where images have to have a base first, make it; what is there is known only then."""
    if not common.prepare_runner(ready.choice):
        return ready
    return replace(ready, expected=ready.foreseen(ready.expected.jobs))


def _execute(
    ready: Prepared, scheduler: str | None, folder: Path, console: Terminal
) -> tuple[Summary, Forecast]:
    """Do the tasks, showing what goes on; what was expected is saved before the first starts."""
    expected, backend = ready.expected, None
    with make_view(console) as view:
        if scheduler is not None:
            backend = _cluster(scheduler, ready, view.show)
            expected = ready.foreseen(backend.slots)
        report.write_forecast(expected, folder)
        choice, said = ready.choice, report.expectation(expected)
        view.show(Planned(len(ready.tasks), expected.jobs, choice.runner.name, choice.reason, said))
        summary = execute(
            ready.tasks,
            ready.resolver,
            expected.jobs,
            common.available_cpus(),
            view.show,
            memory=ready.memory,
            backend=backend,
            present=expected.present,
        )
    return summary, expected


def _cluster(scheduler: str, ready: Prepared, emit: Emit) -> DaskBackend:
    from bench.cluster import DaskBackend, Site  # noqa: PLC0415  # it takes half a second

    store = ready.resolver.store.root
    limits = common.limits_of(ready.grid)
    site = Site(store, environments_folder(store), ready.choice.runner.name, limits)
    return DaskBackend(scheduler, ready.resolver, site, emit)


def _show(
    reported: reporting.Reported, wanted: set[str], grid: str, summary: Summary, console: Terminal
) -> None:
    """Show the results of the rows `wanted`."""
    results = reported.results[reported.results["experiment"].isin(wanted)]
    report.show(results.reset_index(drop=True), grid, console)
    closing.show_claims(reported, console)
    closing.show_slowest(summary, console)
    closing.show_files(reported, console)


def _link(grid: str, tasks: list[Task], summary: Summary, resolver: Resolver) -> None:
    """Make every artifact of the run reachable by the experiment that it serves."""
    for task in tasks:
        entry = summary.outcomes[task.id].entry
        if entry is not None:
            for experiment in task.serves:
                resolver.store.link(grid, experiment, task.stage.name, entry)


def _tell(console: Terminal, tasks: list[Task], summary: Summary) -> None:
    kept = summary.count("kept")
    skipped = summary.count(Status.SKIPPED)
    if kept + skipped == len(tasks) and not summary.errors and kept:
        all_are = "the only task is" if kept == 1 else f"all {kept:,} tasks are"
        line = f"Nothing to do: {all_are} in the store, and every hash is right."
        reasons = {o.reason for o in summary.outcomes.values() if o.status == Status.SKIPPED}
        line += f" {skipped} skipped ({', '.join(sorted(reasons))})." if skipped else ""
    else:
        counts = (
            (status, summary.count(status))
            for status in (Status.WRONG, Status.INFEASIBLE, Status.FAILED, Status.SKIPPED)
        )
        extra = "".join(f", {number} {status}" for status, number in counts if number)
        line = f"{counted(summary.count('done'), 'task')} done, {kept} kept from earlier{extra}."
    console.print(f"{line} {duration_text(summary.seconds)}")
