"""`bench doctor`: what this machine has, what is missing, and what that costs."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.commands import common
from bench.doctor import examine

MARKS = {"ok": "[green]ok[/]", "missing": "[yellow]missing[/]", "warning": "[red]warning[/]"}


@click.command("doctor")
@common.store_option
def command(store_path: Path) -> None:
    r"""Say what this machine has, what is missing, and what that costs. Changes nothing.

    \b
    Examples:
      bench doctor
    """
    table = Table()
    for heading in ("what", "state", "found", "what it costs", "what to do"):
        table.add_column(heading, overflow="fold")
    for finding in examine(store_path):
        state = MARKS[finding.status]
        table.add_row(finding.name, state, finding.found, finding.costs, finding.remedy)
    Console(width=None if sys.stdout.isatty() else 160).print(table)
