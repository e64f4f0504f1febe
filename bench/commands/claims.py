"""`bench claims`: which of the paper's claims hold, with the numbers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from bench import claims, report
from bench.console.terminal import Terminal, say
from bench.errors import BenchError, Exit
from bench.session import common, options, reporting, wrong
from bench.session.rehearsal import rehearse


class ClaimError(BenchError):
    """A claim has a worse verdict than before."""

    exit_code = Exit.CLAIM


@click.command("claims")
@common.grid_options
@click.option(
    "--accept", is_flag=True, help="Keep the present verdicts, also where they are worse."
)
@options.dry_run_option
@click.option("--json", "as_json", is_flag=True, help="Print what claims.json holds instead.")
def command(
    file: Path,
    changes: common.Changes,
    runner: str,
    store_path: Path,
    accept: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Judge the paper's claims on the results of FILE in the store; runs no stage.

    What is claimed, and how closely it has to hold, stands in claims.toml beside FILE, else in the
    project's. The best verdicts are kept with the report; ends with 7 when one is worse now.

    \b
    Examples:
      bench claims experiments/quick.toml
      bench claims experiments/paper.toml --json
    """
    grid, experiments = common.load_experiments(file, changes)
    stated = claims.load_claims(claims.claims_beside(file))
    resolver = common.best_resolver(runner, store_path, grid, experiments)
    folder = store_path / "reports" / grid.name
    about = report.About(file, changes.options)

    def write(target: Path) -> reporting.Reported:
        return reporting.report_on(
            grid, experiments, resolver, target, stated, about, accept=accept
        )

    if dry_run:
        reported, lines = rehearse(folder, write)
        for line in lines:
            say(line)
    else:
        reported = write(folder)
        _show(reported, as_json)
    if reported.regressions:
        raise ClaimError(
            "; ".join(map(str, reported.regressions)) + ".",
            "Look at the numbers above; if the change is right, `bench claims FILE --accept`.",
        )
    wrong.require_none(reported.results)


def _show(reported: reporting.Reported, as_json: bool) -> None:
    if as_json:
        say(json.dumps(claims.as_json(reported.judgements), indent=1, ensure_ascii=False))
    else:
        console = Terminal(soft_wrap=False, width=None if sys.stdout.isatty() else 80)
        claims.show_claims(reported.judgements, console)
