"""`bench report`: results from what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from bench import report
from bench.commands import common
from bench.pipeline import plan


@click.command("report")
@common.grid_argument
@common.simulation_options
@common.board_option
@common.store_option
@common.runner_option
def command(
    file: Path,
    store_path: Path,
    runner: str,
    images: int | None,
    exact: bool | None,
    trace_images: int | None,
    boards: tuple[str, ...],
) -> None:
    r"""Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    changes = common.Changes(images, exact, trace_images, boards)
    grid, experiments = common.load_experiments(file, changes)
    choices = common.choose_runners(runner, store_path)
    resolvers = [common.open_resolver(store_path, choice) for choice in choices]
    tasks = plan(experiments)
    resolver = max(resolvers, key=lambda one: len(one.present(tasks)))
    folder = store_path / "reports" / grid.name
    results, written = common.report_on(grid, experiments, resolver, folder)
    report.show(results, grid.name, console)
    for path in written:
        console.print(f"written: {path}", highlight=False, soft_wrap=True)
