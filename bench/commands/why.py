"""`bench why`: everything behind a row of the results, or behind one number."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from bench import provenance, results
from bench.console.progress import COLOURS
from bench.console.terminal import Terminal, say, styled
from bench.errors import ConfigError, did_you_mean, nearest
from bench.grids.experiment import Point
from bench.grids.grid import NO_GRIDS
from bench.paths import ROOT
from bench.pipeline import Resolver
from bench.results import Column, Facts, row_of
from bench.results.facts import facts_of
from bench.session import common, options, rows
from bench.session.kinds import PathKind
from bench.words import Status


@dataclass(frozen=True)
class _Found:
    """A row, the experiment file that names it, and its chain."""

    point: Point
    file: Path
    grid: str
    steps: tuple[provenance.Step, ...]
    resolver: Resolver
    others: tuple[str, ...]

    @property
    def made(self) -> int:
        """How many of its steps are in the store."""
        return sum(1 for step in self.steps if step.manifest is not None)


@click.command("why")
@click.argument("row")
@click.argument("column", required=False)
@click.option(
    "--file",
    type=PathKind(),
    help="The experiment file that ROW is from. Default: that in experiments/ of which the store "
    "holds the most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON, in full.")
@common.simulation_options
@common.board_option
@options.store_option
@options.runner_option
def command(
    row: str,
    column: str | None,
    file: Path | None,
    as_json: bool,
    store_path: Path,
    runner: str,
    images: int | None,
    exact: bool | None,
    trace_images: int | None,
    boards: tuple[str, ...],
) -> None:
    """Show everything behind ROW, or behind the number in its COLUMN.

    ROW is a name in the column `experiment` of results.csv or trainings.csv; COLUMN is one of the
    columns. Inputs and their hashes, seeds, environments, tools, commit, machine, duration, and
    the commands that make it again.

    \b
    Examples:
      bench why tfc-mnist-w2a2-s1-max
      bench why tfc-mnist-w2a2-s1-max fps_core
      bench why tfc-mnist-w2a2-s1-max --file experiments/paper.toml --json
    """
    changes = common.Changes(images, exact, trace_images, boards)
    found = _find(row, file, store_path, runner, changes)
    (facts,) = facts_of((found.point,), found.resolver)
    values = row_of(facts)
    if column is not None and column not in values:
        what = f"'{column}' is no column of {found.point.name}."
        raise ConfigError(what, did_you_mean(column, values))
    commands = provenance.rerun(row, found.file, found.steps, changes.options)
    if as_json:
        say(json.dumps(_as_json(found, values, column, commands, facts), indent=1, default=str))
        return
    console = Terminal(width=None if sys.stdout.isatty() else 80)
    stopped = f": {values['stopped_at']}" if values["stopped_at"] else ""
    status = f"{values['status']}{stopped}"
    status += f" ({values['reason']})" if values["reason"] else ""
    if values["status"] == Status.WRONG:
        status += "; what running it has shown is left out"
    state = Text(status, COLOURS[values["status"]])
    heading = styled("[bold]{}[/] of grid '{}', {}: {}", row, found.grid, found.file, state)
    provenance.line(console, heading)
    if found.others:
        provenance.line(
            console, styled("[dim]also named in {}; see --file[/]", ", ".join(found.others))
        )
    if column is not None:
        _show_column(console, results.column(column), values[column], facts)
    provenance.show_steps(_behind(column, found.steps), console)
    provenance.line(console, styled("[bold]again[/], in a checkout and a store of its own:"))
    for words in commands:
        console.print(f"  {words}", soft_wrap=True)
    for caveat in provenance.caveats(found.steps):
        provenance.line(console, styled("[yellow]but[/] {}", caveat), indent=2)


def _files(file: Path | None) -> list[Path]:
    """The experiment files to look into."""
    if file is not None:
        return [file]
    everywhere = sorted((ROOT / "experiments").glob("*.toml"))
    return [_shortest(path) for path in everywhere if path.name not in NO_GRIDS]


def _shortest(path: Path) -> Path:
    """Relative to the working directory where that is above it: for a command to be copied."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _find(
    row: str, given: Path | None, store: Path, runner: str, changes: common.Changes
) -> _Found:
    """The row in the file that is given; else in that of which the store holds the most.

    Raises:
        ConfigError: No file names it.
    """
    candidates: list[_Found] = []
    known: set[str] = set()
    for file in _files(given):
        grid, experiments = common.load_experiments(file, changes)
        points = rows.named(common.all_points(grid, experiments))
        known |= points.keys()
        if row in points:
            resolver = common.best_resolver(runner, store, grid, experiments)
            steps = provenance.chain(points[row], resolver)
            candidates.append(_Found(points[row], file, grid.name, steps, resolver, ()))
    if not candidates:
        if given is not None:
            raise ConfigError(f"{given} names no row '{row}'.", nearest(row, known))
        raise ConfigError(
            f"No experiment file in experiments/ names a row '{row}'.",
            f"If it is from another file, give that with --file. {nearest(row, known)}",
        )
    best = max(candidates, key=lambda one: one.made)
    others = tuple(str(one.file) for one in candidates if one is not best)
    return _Found(best.point, best.file, best.grid, best.steps, best.resolver, others)


def _behind(column: str | None, steps: Sequence[provenance.Step]) -> list[provenance.Step]:
    """The step that a column is from, and all that it rests on."""
    wanted = {results.column(column).stage} if column else set()
    if not wanted & {step.stage for step in steps}:
        return list(steps)
    for step in reversed(steps):
        if step.stage in wanted:
            wanted.update(step.needs)
    return [step for step in steps if step.stage in wanted]


def _show_column(console: Terminal, column: Column, value: Any, facts: Facts) -> None:
    shown = "empty" if value is None else f"{value}"
    unit = f" {column.unit}" if column.unit and value is not None else ""
    text = styled("[bold]{}[/] = {}{} ({})", column.name, shown, unit, column.origin)
    provenance.line(console, text, indent=2)
    provenance.line(console, f"from {column.source}", indent=4)
    if numbers := _arithmetic(column, value, facts):
        provenance.line(console, numbers, indent=4)


def _arithmetic(column: Column, value: Any, facts: Facts) -> str:
    """How the value comes about; empty for one that is absent, or withheld from a wrong row."""
    return "" if value is None else column.arithmetic_of(facts)


def _as_json(
    found: _Found,
    values: Mapping[str, Any],
    column: str | None,
    commands: Sequence[str],
    facts: Facts,
) -> dict[str, Any]:
    steps = _behind(column, found.steps)
    about: dict[str, Any] = {
        "row": found.point.name,
        "grid": found.grid,
        "file": str(found.file),
        "values": dict(values),
    }
    if column is not None:
        about["column"] = {
            **results.column(column).as_json(),
            "value": values[column],
            "arithmetic": _arithmetic(results.column(column), values[column], facts),
        }
    return about | {
        "steps": [step.as_json() for step in steps],
        "rerun": list(commands),
        "caveats": list(provenance.caveats(found.steps)),
    }
