"""What `bench search` looks for, and in what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bench.console.text import shown
from bench.errors import ConfigError, did_you_mean
from bench.flows import flow_named
from bench.grids.choices import repeated
from bench.grids.tables import Grid
from bench.session.inspection import Asked, Subject, grid_asked, subject_of
from contract.finn.cores import CORES, DSP
from contract.finn.goal import DEFAULT_SHARE, GOALS, PUMPED, WRITTEN, Kind, NoGoalError, goal_of


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for; of a grid, what it does not say is the grid's.

    Attributes:
        goals: As they are written.
        share: Of the part, the most that a design may take.
        cores: Separated by commas.
        front: Whether to look for every smaller design that is slower.
        compared: Whether to compare the compiler's own search.
    """

    goals: tuple[str, ...] = ()
    share: float | None = None
    cores: str | None = None
    front: bool = False
    compared: bool = False


def search_of(asked: Asked, wanted: Wanted) -> Subject:
    """The search of what `asked` names for what is `wanted`.

    Raises:
        ConfigError: One of them is nothing, or something that cannot be.
    """
    cores = _cores(wanted.cores)
    for goal in wanted.goals:
        _check(goal)
    if twice := repeated(wanted.goals):
        raise ConfigError(f"--goal names {twice[0]} twice.", "Name each of them once.")
    grid = grid_asked(asked)
    flow = flow_named(grid.flow)
    if not flow.searching:
        raise ConfigError(f"{flow.title} searches for no designs.", "Give foldings.")
    build: Any = grid.build if asked.of_a_grid else None
    own = (_goals(grid), build.share, build.cores) if build else ((), DEFAULT_SHARE, CORES)
    taken = cores or own[2]
    more = {
        "goals": wanted.goals or own[0] or (Kind.FASTEST.value,),
        "share": wanted.share if wanted.share is not None else own[1],
        "cores": taken,
        "front": wanted.front,
        "compared": wanted.compared,
    }
    if wanted.compared and DSP not in taken:
        raise ConfigError(
            f"--compare needs the core {DSP}, the only one that the compiler's own search knows.",
            f"Add {DSP} to --cores, or leave --compare out.",
        )
    return subject_of(asked, grid, flow.searching, more)


def _goals(grid: Grid) -> tuple[str, ...]:
    """Those that a grid has among its foldings."""
    return tuple(name for name in grid.build.foldings if goal_of(name) is not None)


def _check(goal: str) -> None:
    try:
        known = goal_of(goal)
    except NoGoalError as error:
        raise ConfigError(f"--goal: {error}.", WRITTEN) from None
    if known is None:
        raise ConfigError(f"--goal {shown(goal)} is no goal.", did_you_mean(goal, GOALS))


def _cores(said: str | None) -> tuple[str, ...]:
    cores = tuple(said.split(",")) if said is not None else ()
    known = (*CORES, PUMPED)
    for core in cores:
        if core not in known:
            raise ConfigError(
                f"--cores names {shown(core)}, which is no core.",
                f"Separate some of these by commas: {', '.join(known)}.",
            )
    if twice := repeated(cores):
        raise ConfigError(f"--cores names {twice[0]} twice.", "Name each of them once.")
    return cores
