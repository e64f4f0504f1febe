"""`bench why`: everything behind a row of the results, or behind one number."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from bench import provenance, results
from bench.console.progress import COLOURS
from bench.console.terminal import Terminal, output, say, styled
from bench.errors import ConfigError, did_you_mean, nearest
from bench.grids.experiment import Point
from bench.grids.grid import NO_GRIDS
from bench.paths import ROOT
from bench.pipeline import Step, Survey, survey
from bench.results import Column, Facts, row_of
from bench.results.facts import facts_of
from bench.session import options, runners
from bench.session.grids import Changes, OpenGrid, open_grid
from bench.session.kinds import PathKind
from bench.store import Store
from bench.words import Status


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A row, its experiment or training, and the other experiment files that name it."""

    grid: OpenGrid
    point: Point
    survey: Survey
    others: tuple[str, ...] = ()

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Everything behind the row."""
        return tuple(self.survey.steps_of(self.point).values())

    @property
    def made(self) -> int:
        """The number of its steps in the store."""
        return sum(1 for step in self.steps if step.manifest is not None)


@click.command("why")
@click.argument("row")
@click.argument("column", required=False)
@click.option(
    "--file",
    type=PathKind(),
    help="The experiment file with ROW. Default: the file in experiments/ for which the store "
    "holds the most steps of ROW.",
)
@options.json_option
@options.change_options
@options.store_option
@options.runner_option
def command(
    row: str,
    column: str | None,
    file: Path | None,
    as_json: bool,
    store_path: Path,
    runner: str,
    changes: Changes,
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
    target = _find(row, file, store_path, runner, changes)
    (facts,) = facts_of((target.point,), target.survey)
    values = row_of(facts)
    if column is not None and column not in values:
        what = f"'{column}' is no column of {row}."
        raise ConfigError(what, did_you_mean(column, values))
    named = results.column(column).of(models=facts.of_model) if column else None
    commands = provenance.rerun(row, target.grid.file, target.steps, changes.options)
    if as_json:
        say(json.dumps(_as_json(target, values, named, commands, facts), indent=1, default=str))
        return
    console = output()
    console.paragraph(_heading(target, facts))
    if target.others:
        console.paragraph(styled("[dim]also named in {}; see --file[/]", ", ".join(target.others)))
    if named is not None:
        _show_column(console, named, values[named.name], facts)
    provenance.show_steps(_behind(named, target.steps), console)
    console.paragraph(styled("[bold]again[/], in a checkout and a store of its own:"))
    for words in commands:
        console.print(f"  {words}", soft_wrap=True)
    for caveat in provenance.caveats(target.steps):
        console.paragraph(styled("[yellow]but[/] {}", caveat), indent=2)


def _heading(row: _Row, facts: Facts) -> Text:
    state = facts.state
    text = f"{state} ({state.reason})" if state.reason else str(state)
    if state.status == Status.WRONG:
        text += "; its measurements are left out"
    name, file = row.grid.name, row.grid.file
    shown = Text(text, COLOURS[state.status])
    return styled("[bold]{}[/] of grid '{}', {}: {}", row.point.name, name, file, shown)


def _files(file: Path | None) -> list[Path]:
    """The experiment files to look into."""
    if file is not None:
        return [file]
    everywhere = sorted((ROOT / "experiments").glob("*.toml"))
    return [_shortest(path) for path in everywhere if path.name not in NO_GRIDS]


def _shortest(path: Path) -> Path:
    """Relative to the working directory if it is below that, for commands to be copied."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _find(row: str, given: Path | None, store: Path, runner: str, changes: Changes) -> _Row:
    """The row in the given file; else in the file for which the store holds the most.

    Raises:
        ConfigError: No file names it.
        DamageError: An artifact behind it is damaged.
    """
    Store(store).require()
    candidates: list[_Row] = []
    names: set[str] = set()
    for file in _files(given):
        # A file that was not asked for may lack the data or the model that it names.
        grid = open_grid(file, changes, absent=given is None)
        names |= grid.by_name.keys()
        if row in grid.by_name:
            point = grid.by_name[row]
            surveyed = _survey(grid, point, runner, store)
            candidates.append(_Row(grid=grid, point=point, survey=surveyed))
    if not candidates:
        if given is not None:
            raise ConfigError(f"{given} names no row '{row}'.", nearest(row, names))
        raise ConfigError(
            f"No experiment file in experiments/ names a row '{row}'.",
            f"If it is from another file, give that with --file. {nearest(row, names)}",
        )
    best = max(candidates, key=lambda candidate: candidate.made)
    if not best.grid.grid.is_complete:
        open_grid(best.grid.file, changes)  # says which file is missing
    best.survey.require_sound()
    others = tuple(str(other.grid.file) for other in candidates if other is not best)
    return replace(best, others=others)


def _survey(grid: OpenGrid, point: Point, runner: str, store: Path) -> Survey:
    """The survey of the row; as in a report, the whole grid decides between several runners."""
    resolvers = runners.open_resolvers(store, runner, grid.grid)
    return survey((point,) if len(resolvers) == 1 else grid.points, *resolvers)


def _behind(column: Column | None, steps: Sequence[Step]) -> list[Step]:
    """The step that a column is from, and all steps that it needs."""
    wanted = {column.stage} if column else set()
    if not wanted & {step.stage for step in steps}:
        return list(steps)
    for step in reversed(steps):
        if wanted & {step.stage, step.role}:
            wanted.update(step.needs)
    return [step for step in steps if wanted & {step.stage, step.role}]


def _show_column(console: Terminal, column: Column, value: Any, facts: Facts) -> None:
    shown = "empty" if value is None else f"{value}"
    unit = f" {column.unit}" if column.unit and value is not None else ""
    text = styled("[bold]{}[/] = {}{} ({})", column.name, shown, unit, column.origin)
    console.paragraph(text, indent=2)
    console.paragraph(f"from {column.source}", indent=4)
    if numbers := _arithmetic(column, value, facts):
        console.paragraph(numbers, indent=4)


def _arithmetic(column: Column, value: Any, facts: Facts) -> str:
    """How the value is computed; empty if it is absent, or withheld from a wrong row."""
    return "" if value is None else column.arithmetic_of(facts)


def _as_json(
    row: _Row,
    values: Mapping[str, Any],
    column: Column | None,
    commands: Sequence[str],
    facts: Facts,
) -> dict[str, Any]:
    steps = _behind(column, row.steps)
    about: dict[str, Any] = {
        "row": row.point.name,
        "grid": row.grid.name,
        "file": str(row.grid.file),
        "values": dict(values),
    }
    if column is not None:
        about["column"] = {
            **column.as_json(),
            "value": values[column.name],
            "arithmetic": _arithmetic(column, values[column.name], facts),
        }
    return about | {
        "steps": [provenance.as_json(step) for step in steps],
        "rerun": list(commands),
        "caveats": list(provenance.caveats(row.steps)),
    }
