"""`bench report`: results from what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench import report
from bench.console.terminal import Terminal
from bench.session import closing, options, reporting
from bench.session.grids import Changes


@click.command("report")
@options.grid_options
@options.dry_run_option
def command(file: Path, changes: Changes, dry_run: bool, runner: str, store_path: Path) -> None:
    """Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Terminal(soft_wrap=not sys.stdout.isatty())
    grid, survey, reported, lines = reporting.report_from_store(
        file, changes, runner, store_path, dry_run=dry_run
    )
    for line in lines:
        console.print(line, soft_wrap=True)
    if not dry_run:
        report.show(reported.results, grid.name, console)
        closing.show_claims(reported, console)
        closing.show_files(reported, console)
    closing.require_none_wrong(survey, grid.experiments)
