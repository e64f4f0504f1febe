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
@common.store_option
@common.runner_option
def command(file: Path, store_path: Path, runner: str) -> None:
    r"""Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file)
    choices = common.choose_runners(runner, store_path)
    resolvers = [common.open_resolver(store_path, choice) for choice in choices]
    tasks = plan(experiments)
    resolver = max(resolvers, key=lambda one: len(one.present(tasks)))
    results = report.collect(experiments, resolver)
    report.show(results, grid.name, console)
    for path in report.write(results, grid.name, store_path / "reports" / grid.name):
        console.print(f"written: {path}", highlight=False, soft_wrap=True)
