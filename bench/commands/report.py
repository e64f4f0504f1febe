"""`bench report`: results from what the store holds."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from bench import claims, report
from bench.console.terminal import Terminal
from bench.session import closing, options, reporting
from bench.session.grids import Changes, open_grid


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
    grid = open_grid(file, changes)
    stated = claims.load_claims(claims.claims_beside(file))
    survey = reporting.look_up(grid, runner, store_path)
    folder = reporting.folder_of(grid, store_path)
    write = partial(reporting.report_on, grid, survey, stated)
    if dry_run:
        _, lines = reporting.dry_run(folder, write)
        for line in lines:
            console.print(line, soft_wrap=True)
    else:
        reported = write(folder)
        report.show(reported.results, grid.name, console)
        closing.show_claims(reported, console)
        closing.show_files(reported, console)
    closing.require_none_wrong(survey, grid.experiments)
