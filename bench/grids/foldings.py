"""The foldings that a grid names: in a table beside it, in files, as goals or as throughputs."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from bench.errors import ConfigError
from bench.flows import Flow, Folding
from bench.grids.choices import check_names, repeated
from bench.grids.tables import Grid
from bench.grids.trainings import known_layers
from bench.input.names import require_name
from bench.input.reading import UnreadableFile, read_toml
from contract.architecture import LayerShape

FOLDINGS_FILE = "foldings.toml"


def load_foldings(path: Path, grid: Grid, flow: Flow) -> tuple[Folding, ...]:
    """The foldings of `grid`, each checked against the network for every data set."""
    build = grid.build
    beside = path.parent / FOLDINGS_FILE
    goals = _goals(path, build, flow)
    named = [name for name in build.foldings if name not in goals]
    tables = _tables_of(beside, grid.network, flow) if named else {}
    check_names(path, "build.foldings", named, [*tables, *flow.foldings.goals])
    _check_goals(beside, grid.network, goals)
    files = [path.parent / name for name in build.folding_files]
    for file in files:
        require_name(f"{path}: build.folding_files, the folding in {file.name}", file.stem)
    folds: dict[str, Folding] = {}
    for shapes in known_layers(grid):
        choices = [
            goals.get(name) or flow.foldings.named(beside, name, tables[name], shapes)
            for name in build.foldings
        ]
        choices += [_from_file(flow, path, file, shapes) for file in files]
        choices += [flow.foldings.for_throughput(fps) for fps in build.target_fps]
        if twice := repeated(choice.name for choice in choices):
            raise ConfigError(
                f"{path}: two foldings are called '{twice[0]}' (the name of a folding file is that "
                "of its folding, in small letters).",
                "Rename one of the files.",
            )
        folds |= {choice.name: choice for choice in choices}
    return tuple(folds.values())


def _goals(path: Path, build: Any, flow: Flow) -> dict[str, Folding]:
    """Those of the foldings that are to be searched for, as they are written."""
    try:
        found = {name: flow.foldings.for_goal(name, build) for name in build.foldings}
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.what}", error.remedy) from None
    return {name: folding for name, folding in found.items() if folding is not None}


def _check_goals(path: Path, network: str, goals: Collection[str]) -> None:
    """No folding in `path` may be called as a goal is written."""
    tables = read_toml(path).get(network) if goals and path.is_file() else None
    for name in goals:
        if isinstance(tables, dict) and name in tables:
            raise ConfigError(
                f"{path}: [{network}] has a folding '{name}', which is what a search is asked for.",
                "Rename it.",
            )


def _from_file(
    flow: Flow, path: Path, file: Path, shapes: tuple[LayerShape, ...] | None
) -> Folding:
    try:
        return flow.foldings.from_file(file, shapes)
    except UnreadableFile as error:
        raise ConfigError(f"{path}: build.folding_files: {error.what}", error.remedy) from None


def _tables_of(path: Path, network: str, flow: Flow) -> dict[str, Any]:
    """The foldings of `network` in `path`, by name."""
    tables = read_toml(path).get(network)
    if not isinstance(tables, dict):
        said = "has no" if tables is None else "does not have a"
        raise ConfigError(
            f"{path} {said} table [{network}] of foldings.",
            f"Write [{network}], and below it a line for each, such as low = [[2, 8], ...]"
            f"{', or ask for a goal: ' if flow.foldings.goals else ''}"
            f"{', '.join(flow.foldings.goals)}.",
        )
    return tables
