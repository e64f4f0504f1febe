"""`bench run`: make what is missing, then report."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from bench import report
from bench.commands import common
from bench.errors import BenchError, Exit
from bench.events import Planned
from bench.pipeline import Resolver, Summary, Task, execute, plan
from bench.stages import STAGES, up_to
from bench.ui import make_view


@click.command("run")
@common.grid_argument
@common.board_option
@click.option(
    "--only",
    type=click.Choice([stage.name for stage in STAGES]),
    help="Stop after this stage (what it needs is made too); no report.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=common.available_cpus,
    show_default="one per processor",
    help="How many stages run at once. Each takes up to 3 GB of memory.",
)
@common.runner_option
@common.store_option
@click.pass_context
def command(
    context: click.Context,
    file: Path,
    boards: tuple[str, ...],
    only: str | None,
    jobs: int,
    runner: str,
    store_path: Path,
) -> None:
    r"""Run the experiments of FILE: whatever is not in the store yet is made now.

    Interrupt it as you like; the next run goes on where this one stopped.

    \b
    Examples:
      bench run experiments/quick.toml
      bench run experiments/quick.toml --only train --jobs 1
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file, boards)
    choice = common.choose_runner(runner, store_path, common.limits_of(grid))
    common.prepare_runner(choice)
    resolver = common.open_resolver(store_path, choice, grid)
    tasks = plan(experiments, up_to(only) if only else STAGES)
    with make_view(console) as view:
        view.show(Planned(len(tasks), jobs, choice.runner.name, choice.reason))
        summary = execute(tasks, resolver, jobs, common.available_cpus(), view.show)
    _link(grid.name, tasks, summary, resolver)
    _tell(console, tasks, summary)
    if not only:
        results = report.collect(experiments, resolver)
        report.show(results, grid.name, console)
        for path in report.write(results, grid.name, store_path / "reports" / grid.name):
            console.print(f"written: {path}", highlight=False, soft_wrap=True)
        mismatched = results["bit_exact"].eq(False).any()
        if mismatched and summary.exit_code == Exit.OK:
            summary.errors.append(
                BenchError(
                    "The RTL simulation differs from the trained model (bit_exact is NO above).",
                    "Please report it with the simulate logs; do not use the numbers above.",
                )
            )
    for error in summary.errors:
        context.obj.explain(error)
    context.exit(int(summary.exit_code))


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
