"""`bench run`: make what is missing, then report."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from bench import claims, report
from bench.commands import closing, common, overrides, rows
from bench.errors import BenchError, ConfigError, Exit
from bench.events import Planned
from bench.paths import environments_folder
from bench.pipeline import Resolver, Summary, Task, budget, execute, plan
from bench.runners.limits import Limits
from bench.stages import STAGES, up_to
from bench.ui import View, make_view

if TYPE_CHECKING:
    from bench.cluster import DaskBackend


class Jobs(click.ParamType[int | None]):
    """A number from 1 up, or `auto`, which is None."""

    name = "N|auto"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | None:
        """See `click.ParamType`."""
        if value is None or value == "auto":
            return None
        if isinstance(value, int) or (str(value).isdecimal() and int(str(value)) > 0):
            return int(str(value))
        return self.fail(f"'{value}' is neither 'auto' nor a number from 1 up.", param, ctx)


@click.command("run")
@common.grid_options
@click.option(
    "--only",
    type=click.Choice([stage.name for stage in STAGES]),
    help="Stop after this stage (what it needs is made too); no report.",
)
@rows.rows_option
@click.option(
    "--jobs",
    type=Jobs(),
    default="auto",
    show_default=True,
    help="How many stages run at once; auto: one per processor, as far as memory allows.",
)
@click.option(
    "--memory",
    type=click.FloatRange(min=0, min_open=True),
    metavar="GIB",
    help="Memory that the stages may take together, by estimate. Default: 80 % of what is free.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Run on the Dask cluster whose scheduler answers there, e.g. tcp://host:8786.",
)
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
    common.prepare_runner(choice)
    resolver = common.open_resolver(store_path, choice, grid)
    tasks = plan(wanted, up_to(only) if only else STAGES)
    overrides.record(store_path, grid.name, changes)
    bounds = _Bounds(jobs, _memory(jobs, memory), scheduler)
    summary = _execute(tasks, resolver, choice, common.limits_of(grid), bounds, console)
    _link(grid.name, tasks, summary, resolver)
    _tell(console, tasks, summary)
    if not only:
        folder = store_path / "reports" / grid.name
        about = report.About(file, changes.options)
        reported = common.report_on(grid, experiments, resolver, folder, stated, about)
        _show(reported, {point.name for point in wanted}, grid.name, summary, console)
    for error in summary.errors:
        context.obj.explain(error)
    context.exit(int(summary.exit_code))


@dataclass(frozen=True)
class _Bounds:
    """What a run may use: jobs (None: by processors), bytes of memory, or a Dask scheduler."""

    jobs: int | None
    memory: int | None
    scheduler: str | None


def _execute(
    tasks: list[Task],
    resolver: Resolver,
    choice: common.Choice,
    limits: Limits,
    bounds: _Bounds,
    console: Console,
) -> Summary:
    """Do the tasks, showing what goes on."""
    cpus = common.available_cpus()
    with make_view(console) as view:
        at_once, backend = bounds.jobs or cpus, None
        if bounds.scheduler:
            backend = _cluster(bounds.scheduler, resolver, choice.runner.name, limits, view)
            at_once = backend.slots
        view.show(Planned(len(tasks), at_once, choice.runner.name, choice.reason))
        return execute(
            tasks, resolver, at_once, cpus, view.show, memory=bounds.memory, backend=backend
        )


def _show(
    reported: common.Reported, wanted: set[str], grid: str, summary: Summary, console: Console
) -> None:
    """Show the results of the rows `wanted`; a simulation not bit-exact becomes an error."""
    results = reported.results[reported.results["experiment"].isin(wanted)]
    report.show(results.reset_index(drop=True), grid, console)
    closing.show_claims(reported, console)
    closing.show_slowest(summary, console)
    closing.show_files(reported.written, console)
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


def _memory(jobs: int | None, gib: float | None) -> int | None:
    """The memory budget: as given; for automatic jobs what is free; else none."""
    if gib is not None:
        return int(gib * budget.GIB)
    return budget.free_memory() if jobs is None else None


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
