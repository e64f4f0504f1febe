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
@common.grid_options
def command(file: Path, changes: common.Changes, runner: str, store_path: Path) -> None:
    """Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
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
