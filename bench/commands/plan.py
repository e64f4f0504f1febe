"""`bench plan`: what a run would do, and what it would take."""

from __future__ import annotations

from pathlib import Path

import click

from bench.console.terminal import Terminal
from bench.console.text import counted
from bench.session import options
from bench.session.beyond import show_beyond
from bench.session.grids import Changes
from bench.session.options import Bounds
from bench.session.prepare import prepare
from bench.session.preview import show_bottlenecks, show_forecast, show_tasks


@click.command("plan")
@options.grid_options
@options.bound_options
@options.rows_option
@click.option("--tasks", "list_tasks", is_flag=True, help="List every task, too.")
def command(
    file: Path,
    changes: Changes,
    bounds: Bounds,
    names: tuple[str, ...],
    list_tasks: bool,
    runner: str,
    store_path: Path,
) -> None:
    """Show what `bench run FILE` would do, and the time, memory and disk that it takes.

    Expected times are those of earlier runs, on this machine if there were any. Errors that a run
    would meet at its start are reported here, with the same exit code.

    \b
    Examples:
      bench plan experiments/quick.toml
      bench plan experiments/paper.toml --jobs 8
      bench plan experiments/quick.toml --tasks
    """
    ready = prepare(file, changes, bounds, names, runner, store_path)
    console = Terminal()
    console.print(
        f"Grid '{ready.grid.name}': {counted(len(ready.grid.experiments), 'experiment')}, "
        f"{counted(len(ready.tasks), 'task')}; "
        f"runner {ready.choice.runner.name} ({ready.choice.reason})"
    )
    if list_tasks:
        show_tasks(ready.expected, ready.tasks, ready.survey, console)
    show_bottlenecks(ready.grid.grid, console)
    show_forecast(ready.expected, store_path, console)
    show_beyond(ready.tasks, ready.expected, ready.grid.grid.limits, console)
