"""`bench claims`: which of the paper's claims hold, with the numbers."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bench import claims
from bench.console.terminal import output, say
from bench.errors import BenchError, Exit
from bench.session import closing, options, reporting
from bench.session.grids import Changes


class ClaimError(BenchError):
    """A claim has a worse verdict than before."""

    exit_code = Exit.CLAIM


@click.command("claims")
@options.grid_options
@click.option("--accept", is_flag=True, help="Keep the present verdicts, even if they are worse.")
@options.dry_run_option
@click.option("--json", "as_json", is_flag=True, help="Print what claims.json holds instead.")
def command(
    file: Path,
    changes: Changes,
    runner: str,
    store_path: Path,
    accept: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Judge the paper's claims on the results of FILE in the store; runs no stage.

    The claims and their tolerances are in claims.toml beside FILE, else in the project's. The best
    verdicts are kept with the report; the exit code is 7 if any is worse now.

    \b
    Examples:
      bench claims experiments/quick.toml
      bench claims experiments/paper.toml --json
    """
    grid, survey, reported, lines = reporting.report_from_store(
        file, changes, runner, store_path, dry_run=dry_run, accept=accept
    )
    for line in lines:
        say(line)
    if not dry_run:
        _show(reported, as_json)
    if reported.regressions:
        raise ClaimError(
            "; ".join(map(str, reported.regressions)) + ".",
            "Look at the numbers above; if the change is intended, `bench claims FILE --accept`.",
        )
    closing.require_none_wrong(survey, grid.experiments)


def _show(reported: reporting.Reported, as_json: bool) -> None:
    if as_json:
        say(json.dumps(claims.as_json(reported.judgements), indent=1, ensure_ascii=False))
    else:
        console = output()
        claims.show_claims(reported.judgements, console)
