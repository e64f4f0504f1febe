"""A grid from a file, with the changes of the command line."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from bench.boards.pool import parse_target
from bench.console.text import counted
from bench.errors import ConfigError, nearest
from bench.flows import all_stages
from bench.grids.checks import check_images
from bench.grids.experiment import Point, expand, references
from bench.grids.grid import load_grid
from bench.grids.tables import BoardTable, Grid
from bench.session.as_options import in_options
from contract.finn.measure import EMULATED

_ALIKE = 0.8


@dataclass(frozen=True)
class Changes:
    """What the command line changes in a grid; None, or no boards, changes nothing."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    images: Annotated[int, Field(ge=2)] | None = None
    exact: bool | None = None
    trace_images: Annotated[int, Field(ge=1)] | None = None
    netlist: Annotated[int, Field(ge=1)] | None = None
    boards: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the command line that make these changes."""
        words: list[str] = []
        for option, value in (
            ("--images", self.images),
            ("--trace", self.trace_images),
            ("--netlist", self.netlist),
        ):
            words += [option, str(value)] if value else []
        words += ["--exact"] if self.exact else []
        return (*words, *(word for board in self.boards for word in ("--board", board)))


@dataclass(frozen=True, kw_only=True)
class OpenGrid:
    """A grid that a command is about.

    Attributes:
        grid: With the changes.
        experiments: The rows of its results.
        references: What it trains for comparison.
    """

    file: Path
    changes: Changes
    grid: Grid
    experiments: tuple[Point, ...]
    references: tuple[Point, ...]

    @property
    def name(self) -> str:
        """The grid's name."""
        return self.grid.name

    @property
    def points(self) -> tuple[Point, ...]:
        """Experiments and references."""
        return (*self.experiments, *self.references)

    @cached_property
    def by_name(self) -> dict[str, Point]:
        """The points, and the training of each experiment, by name."""
        trainings = filter(None, (point.training for point in self.points))
        return {point.name: point for point in (*self.points, *trainings)}

    def choose(self, names: tuple[str, ...]) -> tuple[Point, ...]:
        """The points or trainings called `names`; without names, all points.

        Raises:
            ConfigError: The grid has no such point.
        """
        for name in names:
            if name not in self.by_name:
                raise ConfigError(f"The grid has no row '{name}'.", nearest(name, self.by_name))
        return tuple(self.by_name[name] for name in dict.fromkeys(names)) or self.points


# Of what a command line changes, keys of the simulation.
_SIMULATED = ("images", "exact", "trace_images")
_OPTIONS = {"simulate.images": "--images", "simulate.trace_images": "--trace"}


def open_grid(file: Path, changes: Changes | None = None, *, absent: bool = False) -> OpenGrid:
    """The grid in `file`, with `changes`; `absent` is as for `load_grid`.

    Raises:
        ConfigError: The file, or a change, is not valid.
    """
    grid, changes = load_grid(file, absent=absent), changes or Changes()
    if changes.boards:
        grid = _on_boards(grid, changes.boards)
    wanted = {
        name: value for name, value in asdict(changes).items() if value and name in _SIMULATED
    }
    if changes.netlist:
        grid = _mapped(grid, changes.netlist)
    if wanted:
        grid = _simulated(grid, wanted)
        try:
            check_images(file, grid)
        except ConfigError as error:  # the file by itself has passed
            raise in_options(error, file, _OPTIONS, "Correct it; nothing was started.") from None
    return OpenGrid(
        file=file,
        changes=changes,
        grid=grid,
        experiments=expand(grid),
        references=references(grid),
    )


def _mapped(grid: Grid, netlist: int) -> Grid:
    """`grid` with netlists simulated."""
    stage = all_stages()["map"]
    if grid.table(stage) is None:
        raise ConfigError(
            f"--netlist simulates what is mapped; flow '{grid.flow}' maps nothing.", "Leave it out."
        )
    return grid.with_keys(stage, netlist=netlist)


def _simulated(grid: Grid, wanted: dict[str, Any]) -> Grid:
    """`grid` with other keys of its simulation."""
    stage = all_stages()["simulate"]
    simulate = grid.table(stage)
    if simulate is None:
        raise ConfigError(
            f"--images, --exact and --trace change a simulation; flow '{grid.flow}' has none.",
            "Leave them out.",
        )
    changed = simulate.model_copy(update=wanted)
    if changed.trace_images > changed.images:
        raise ConfigError(
            f"Waveforms of {counted(changed.trace_images, 'image')} are wanted, more than are "
            "simulated.",
            "Give a smaller --trace, or more --images.",
        )
    return grid.model_copy(update={stage.name: changed})


def _check_spelling(board: str) -> None:
    """A bare word that is nearly the emulated board's is hardly a host's."""
    alike = difflib.SequenceMatcher(None, board.casefold(), EMULATED).ratio() >= _ALIKE
    if alike and board != EMULATED and "@" not in board:
        raise ConfigError(
            f"--board {board} is taken for a misspelt '{EMULATED}'.",
            f"Correct it; a host of that name is user@{board}.",
        )


def _on_boards(grid: Grid, names: tuple[str, ...]) -> Grid:
    if EMULATED in names and len(names) > 1:
        raise ConfigError(
            f"--board {EMULATED} cannot be combined with other boards.",
            "Name real boards, or only the emulated one.",
        )
    named = {board.name for board in grid.boards}
    for name in names:
        _check_spelling(name)
    targets = [(name, parse_target(name)) for name in names if name not in (*named, EMULATED)]
    added = (BoardTable(name=n, address=t.host, user=t.user, port=t.port) for n, t in targets)
    measure = grid.measure.model_copy(update={"board": tuple(dict.fromkeys(names))})
    return grid.model_copy(update={"boards": (*grid.boards, *added), "measure": measure})
