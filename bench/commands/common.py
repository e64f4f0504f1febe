"""What several commands share: options, and how the parts are put together."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import click

from bench.boards.fleet import Fleet, Remote, parse_target
from bench.boards.measure import measure
from bench.datasets.fetch import fetch
from bench.environments import ENVIRONMENTS
from bench.errors import ConfigError, EnvironmentFailure
from bench.experiment import Experiment, expand
from bench.grid import EMULATED, BoardTable, Grid, load_grid
from bench.images.base import images_folder
from bench.images.base import obstacle as image_obstacle
from bench.paths import default_store, environments_folder, require_checkout
from bench.pipeline import Resolver
from bench.runners import Runner
from bench.runners.docker import DockerRunner
from bench.runners.host import HostRunner
from bench.runners.limits import GIB, Limits
from bench.runners.venv import VenvRunner
from bench.runners.vivado import ENVIRONMENT as VIVADO
from bench.store import Store

RUNNERS = ("auto", "docker", "venv")
Command = TypeVar("Command", bound=Callable[..., None])


@dataclass(frozen=True)
class Choice:
    """A runner, and why it was taken."""

    runner: Runner
    reason: str


def store_option(command: Command) -> Command:
    """Adds `--store`."""
    return click.option(
        "--store",
        "store_path",
        type=click.Path(path_type=Path),
        default=default_store,
        show_default="artifacts/, or $BENCH_STORE",
        help="Folder that keeps every artifact.",
    )(command)


def runner_option(command: Command) -> Command:
    """Adds `--runner`."""
    return click.option(
        "--runner",
        type=click.Choice(RUNNERS),
        default="auto",
        show_default=True,
        help="Where the stages run: containers, or isolated virtual environments.",
    )(command)


def board_option(command: Command) -> Command:
    """Adds `--board`."""
    return click.option(
        "--board",
        "boards",
        multiple=True,
        metavar="NAME|USER@HOST",
        help="Measure on this board instead of the file's: one of its [[boards]], user@host[:port],"
        " or 'emulated'. Several are used at once.",
    )(command)


def grid_argument(command: Command) -> Command:
    """Adds the argument FILE: a grid of experiments."""
    return click.argument("file", type=click.Path(path_type=Path))(command)


def choose_runner(wanted: str, store: Path, limits: Limits | None = None) -> Choice:
    """The runner asked for; `auto` takes docker where an engine answers, else venv.

    Args:
        wanted: `auto`, `docker` or `venv`.
        store: The artifact store, in which environments and images are prepared.
        limits: What one stage may take, where the runner can enforce it.

    Raises:
        EnvironmentFailure: The runner asked for cannot be had.
    """
    require_checkout()
    venv = VenvRunner(environments_folder(store))
    if wanted == "venv":
        return Choice(venv, "asked for")
    try:
        runner = DockerRunner(images_folder(store), limits)
        obstacle = image_obstacle()
    except EnvironmentFailure as error:
        if wanted == "docker":
            raise
        return Choice(venv, f"auto: {error.what.rstrip('.')}")
    if wanted == "docker":
        return Choice(runner, "asked for")
    if obstacle:
        return Choice(venv, f"auto: an engine answers, but {obstacle}")
    return Choice(runner, "auto: an engine answers")


def limits_of(grid: Grid) -> Limits:
    """The limits that `grid` sets."""
    wanted = grid.limits
    return Limits(int(wanted.memory_gib * GIB), wanted.processes, wanted.minutes * 60)


def prepare_runner(choice: Choice) -> None:
    """Do what has to be done before keys can be computed: a docker runner needs its base."""
    if isinstance(choice.runner, DockerRunner):
        choice.runner.prepare_base(lambda text: click.echo(f"note: {text}"), threading.Event())


def open_resolver(store_path: Path, choice: Choice, grid: Grid | None = None) -> Resolver:
    """The store and the runners, ready to look things up and to run them on the grid's boards."""
    fleet = Fleet(Remote.of_table(board) for board in grid.boards) if grid else Fleet()
    host = HostRunner({"dataset": fetch, "measure": partial(measure, fleet=fleet)})
    runners: dict[str, Runner] = dict.fromkeys((*ENVIRONMENTS, VIVADO), choice.runner)
    return Resolver(Store(store_path), {"host": host, **runners})


def load_experiments(
    file: Path, boards: tuple[str, ...] = ()
) -> tuple[Grid, tuple[Experiment, ...]]:
    """The grid in `file` and all its experiments, measured on `boards` where any are given."""
    grid = load_grid(file)
    if boards:
        grid = _on_boards(grid, boards)
    return grid, expand(grid)


def _on_boards(grid: Grid, names: tuple[str, ...]) -> Grid:
    known = {board.name for board in grid.boards}
    added = []
    for name in names:
        if name not in known and name != EMULATED:
            target = parse_target(name)
            added.append(
                BoardTable(name=name, address=target.host, user=target.user, port=target.port)
            )
    if EMULATED in names and len(names) > 1:
        raise ConfigError(
            f"--board {EMULATED} stands alone.", "Name real boards, or only the emulated one."
        )
    return grid.model_copy(
        update={
            "boards": (*grid.boards, *added),
            "measure": grid.measure.model_copy(update={"board": tuple(dict.fromkeys(names))}),
        }
    )


def available_cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
