"""`bench plan`: what a run would do, and what it would take."""

from __future__ import annotations

from pathlib import Path

import click

from bench.commands import common, rows
from bench.commands.bounds import bound_options, memory_budget
from bench.commands.preview import show_forecast
from bench.pipeline import forecast, plan
from bench.pipeline.ensure import describe_host
from bench.stages import STAGES, up_to
from bench.terminal import Terminal


@click.command("plan")
@common.grid_options
@bound_options
@rows.rows_option
def command(
    file: Path,
    changes: common.Changes,
    only: str | None,
    jobs: int | None,
    memory: float | None,
    names: tuple[str, ...],
    runner: str,
    store_path: Path,
) -> None:
    """Show what `bench run FILE` would do, and the time, memory and disk that it takes.

    Expected times are those of earlier runs, of this machine where there were any.

    \b
    Examples:
      bench plan experiments/quick.toml
      bench plan experiments/paper.toml --jobs 8
    """
    grid, experiments = common.load_experiments(file, changes)
    choice = common.choose_runner(runner, store_path)
    resolver = common.open_resolver(store_path, choice)
    wanted = rows.choose(common.all_points(grid, experiments), names)
    tasks = plan(wanted, up_to(only) if only else STAGES)
    at_once = jobs or common.available_cpus()
    expected = forecast(tasks, resolver, at_once, memory_budget(jobs, memory), describe_host())
    console = Terminal()
    console.print(
        f"Grid '{grid.name}': {len(experiments)} experiments, {len(tasks)} tasks; "
        f"runner {choice.runner.name} ({choice.reason})"
    )
    show_forecast(expected, tasks, resolver, console)
