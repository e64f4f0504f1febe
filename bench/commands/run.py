"""`bench run`: make what is missing, then report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench import claims, report
from bench.commands import closing, common, options, overrides, reporting, rows
from bench.commands.bounds import bound_options, memory_budget
from bench.commands.preview import show_forecast
from bench.errors import BenchError, ConfigError, Exit
from bench.events import Planned
from bench.paths import environments_folder
from bench.pipeline import Forecast, Resolver, Summary, Task, execute, forecast, plan
from bench.pipeline.ensure import describe_host
from bench.runners.limits import Limits
from bench.stages import STAGES, up_to
from bench.ui import View, make_view

if TYPE_CHECKING:
    from bench.cluster import DaskBackend


@click.command("run")
@common.grid_options
@bound_options
@rows.rows_option
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run on the Dask cluster whose scheduler answers there, e.g. tcp://host:8786.",
)
@options.dry_run_option
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    changes: common.Changes,
    only: str | None,
    names: tuple[str, ...],
    jobs: int | None,
    memory: float | None,
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
    console = Console(soft_wrap=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file, changes)
    stated = claims.load_claims(claims.claims_beside(file))
    wanted = rows.choose(common.all_points(grid, experiments), names)
    if scheduler and not grid.measure.emulated:
        raise ConfigError(
            "A cluster's machines do not know this one's boards and keys.",
            "Run without --scheduler, or with --board emulated.",
        )
    choice = common.choose_runner(runner, store_path, common.limits_of(grid))
    if not dry_run:
        common.prepare_runner(choice)
    resolver = common.open_resolver(store_path, choice, grid)
    tasks = plan(wanted, up_to(only) if only else STAGES)
    bounds = _Bounds(jobs, memory_budget(jobs, memory), scheduler)
    folder = store_path / "reports" / grid.name
    if dry_run:
        _rehearse(tasks, resolver, bounds, folder, console)
        return
    overrides.record(store_path, grid.name, changes)
    work = _Work(tasks, resolver, choice, common.limits_of(grid), folder)
    summary, expected = _execute(work, bounds, console)
    _link(grid.name, tasks, summary, resolver)
    _tell(console, tasks, summary)
    timing = report.write_timing(expected, tasks, summary, folder)
    if not only:
        about = report.About(file, changes.options)
        kept = {i: one.entry for i, one in summary.outcomes.items() if one.entry is not None}
        reported = reporting.report_on(grid, experiments, resolver, folder, stated, about, kept)
        _show(reported, {point.name for point in wanted}, grid.name, summary, console)
    if timing:
        console.print(report.timing_line(timing), highlight=False)
    for error in summary.errors:
        context.obj.explain(error)
    context.exit(int(summary.exit_code))


@dataclass(frozen=True)
class _Bounds:
    """What a run may use: jobs (None: by processors), bytes of memory, or a Dask scheduler."""

    jobs: int | None
    memory: int | None
    scheduler: str | None


def _rehearse(
    tasks: list[Task], resolver: Resolver, bounds: _Bounds, folder: Path, console: Console
) -> None:
    """Say what would run, and where the report would be."""
    at_once = bounds.jobs or common.available_cpus()
    expected = forecast(tasks, resolver, at_once, bounds.memory, describe_host())
    show_forecast(expected, tasks, resolver, console)
    console.print(f"would write: {folder}", highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class _Work:
    """What a run is to do, with what, within which limits; `folder` is the report's."""

    tasks: list[Task]
    resolver: Resolver
    choice: common.Choice
    limits: Limits
    folder: Path


def _execute(work: _Work, bounds: _Bounds, console: Console) -> tuple[Summary, Forecast]:
    """Do the tasks, showing what goes on; what was expected is saved before the first starts."""
    cpus = common.available_cpus()
    runner = work.choice.runner.name
    with make_view(console) as view:
        at_once, backend = bounds.jobs or cpus, None
        if bounds.scheduler:
            backend = _cluster(bounds.scheduler, work.resolver, runner, work.limits, view)
            at_once = backend.slots
        memory = None if bounds.scheduler else bounds.memory
        expected = forecast(work.tasks, work.resolver, at_once, memory, describe_host())
        report.write_forecast(expected, work.folder)
        view.show(
            Planned(
                len(work.tasks), at_once, runner, work.choice.reason, report.expectation(expected)
            )
        )
        summary = execute(
            work.tasks,
            work.resolver,
            at_once,
            cpus,
            view.show,
            memory=bounds.memory,
            backend=backend,
            present=expected.present,
        )
    return summary, expected


def _show(
    reported: reporting.Reported, wanted: set[str], grid: str, summary: Summary, console: Console
) -> None:
    """Show the results of the rows `wanted`; a simulation not bit-exact becomes an error."""
    results = reported.results[reported.results["experiment"].isin(wanted)]
    report.show(results.reset_index(drop=True), grid, console)
    closing.show_claims(reported, console)
    closing.show_slowest(summary, console)
    closing.show_files(reported, console)
    mismatched = results["bit_exact"].eq(False).any()
    if mismatched and summary.exit_code == Exit.OK:
        summary.errors.append(
            BenchError(
                "The RTL simulation differs from the trained model (bit_exact is NO above).",
                "Please report it with the simulate logs; do not use the numbers above.",
            )
        )


def _cluster(
    scheduler: str, resolver: Resolver, runner: str, limits: Limits, view: View
) -> DaskBackend:
    from bench.cluster import DaskBackend, Site  # noqa: PLC0415  # it takes half a second

    store = resolver.store.root
    site = Site(store, environments_folder(store), runner, limits)
    return DaskBackend(scheduler, resolver, site, view.show)


def _link(grid: str, tasks: list[Task], summary: Summary, resolver: Resolver) -> None:
    """Make every artifact of the run reachable by the experiment that it serves."""
    for task in tasks:
        entry = summary.outcomes[task.id].entry
        if entry is not None:
            for experiment in task.serves:
                resolver.store.link(grid, experiment, task.stage.name, entry)


def _tell(console: Console, tasks: list[Task], summary: Summary) -> None:
    kept = summary.count("kept")
    skipped = summary.count("skipped")
    if kept + skipped == len(tasks) and not summary.errors and kept:
        line = f"Nothing to do: all {kept} tasks are in the store and their hashes are right."
        reasons = {o.reason for o in summary.outcomes.values() if o.status == "skipped"}
        line += f" {skipped} skipped ({', '.join(sorted(reasons))})." if skipped else ""
    else:
        counts = ((status, summary.count(status)) for status in ("infeasible", "failed", "skipped"))
        extra = "".join(f", {number} {status}" for status, number in counts if number)
        line = f"{summary.count('done')} tasks done, {kept} kept from earlier{extra}."
    console.print(f"{line} {summary.seconds:.1f} s", highlight=False)
