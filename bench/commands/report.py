"""`bench report`: results from what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from bench import claims, report
from bench.console.terminal import Terminal
from bench.session import closing, common, options, reporting, wrong
from bench.session.rehearsal import rehearse


@click.command("report")
@common.grid_options
@options.dry_run_option
def command(
    file: Path, changes: common.Changes, dry_run: bool, runner: str, store_path: Path
) -> None:
    """Write and show the results of FILE from the store; runs nothing.

    \b
    Examples:
      bench report experiments/quick.toml
    """
    console = Terminal(soft_wrap=not sys.stdout.isatty())
    grid, experiments = common.load_experiments(file, changes)
    stated = claims.load_claims(claims.claims_beside(file))
    resolver = common.best_resolver(runner, store_path, grid, experiments)
    folder = store_path / "reports" / grid.name
    about = report.About(file, changes.options)
    if dry_run:

        def write(copy: Path) -> reporting.Reported:
            return reporting.report_on(grid, experiments, resolver, copy, stated, about)

        reported, lines = rehearse(folder, write)
        for line in lines:
            console.print(line, soft_wrap=True)
    else:
        reported = reporting.report_on(grid, experiments, resolver, folder, stated, about)
        report.show(reported.results, grid.name, console)
        closing.show_claims(reported, console)
        closing.show_files(reported, console)
    wrong.require_none(reported.results)
