"""`bench report`: results from what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from bench import report
from bench.commands import common


@click.command("report")
@common.grid_argument
@common.board_option
@common.store_option
@common.runner_option
def command(file: Path, boards: tuple[str, ...], store_path: Path, runner: str) -> None:
    r"""Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Console(soft_wrap=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file, boards)
    resolver = common.open_resolver(store_path, common.choose_runner(runner, store_path))
    results = report.collect(experiments, resolver)
    report.show(results, grid.name, console)
    for path in report.write(results, grid.name, store_path / "reports" / grid.name):
        console.print(f"written: {path}", highlight=False, soft_wrap=True)
