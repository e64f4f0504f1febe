"""What several commands share: options, and how the parts are put together."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from bench.boards.pool import BoardPool, Remote, parse_target
from bench.console.terminal import say
from bench.console.text import counted
from bench.errors import ConfigError, EnvironmentFailure
from bench.flows import all_stages
from bench.grids.experiment import Point, expand, references
from bench.grids.grid import check_images, load_grid
from bench.grids.tables import BoardTable, Grid
from bench.paths import environments_folder, require_checkout
from bench.pipeline import Resolver, plan
from bench.pipeline.assemble import assemble
from bench.runners import Runner
from bench.runners.limits import GIB, Limits
from bench.runners.venv import VenvRunner
from bench.session.kinds import PathKind
from bench.session.options import Command, runner_option, store_option
from bench.store import Store
from contract.finn.measure import EMULATED


@dataclass(frozen=True)
class Choice:
    """A runner, and why it was taken."""

    runner: Runner
    reason: str


def board_option(command: Command) -> Command:
    """Adds `--board`."""
    return click.option(
        "--board",
        "boards",
        multiple=True,
        metavar="NAME|USER@HOST",
        help="Measure on this board instead of the file's: one of its [[boards]], user@host[:port],"
        " or 'emulated-board'. Several are used at once.",
    )(command)


def grid_argument(command: Command) -> Command:
    """Adds the argument FILE: a grid of experiments."""
    return click.argument("file", type=PathKind())(command)


def choose_runner(wanted: str, store: Path, limits: Limits | None = None) -> Choice:
    """The runner asked for; `auto` takes docker where an engine answers, else venv.

    Args:
        wanted: `auto`, `docker` or `venv`.
        store: The artifact store, in which environments and images are prepared.
        limits: What one stage may take.

    Raises:
        EnvironmentFailure: The runner asked for cannot be had.
    """
    require_checkout()
    venv = VenvRunner(environments_folder(store), limits, store)
    if wanted == "venv":
        return Choice(venv, "asked for")
    # The engine's library takes a fifth of a second to import.
    from bench.images.base import images_folder, obstacle  # noqa: PLC0415
    from bench.runners.docker import DockerRunner  # noqa: PLC0415

    try:
        runner = DockerRunner(images_folder(store), limits)
        image_obstacle = obstacle()
    except EnvironmentFailure as error:
        if wanted == "docker":
            raise
        return Choice(venv, f"auto: {error.what.rstrip('.')}")
    if wanted == "docker":
        return Choice(runner, "asked for")
    if image_obstacle:
        return Choice(venv, f"auto: an engine answers, but {image_obstacle}")
    return Choice(runner, "auto: an engine answers")


def choose_runners(wanted: str, store: Path) -> list[Choice]:
    """For looking things up: the runner asked for; for `auto`, all that this machine offers.

    Artifacts made by another runner have other keys, since their environment is another one.
    """
    best = choose_runner(wanted, store)
    if wanted != "auto" or isinstance(best.runner, VenvRunner):
        return [best]
    return [best, choose_runner("venv", store)]


def limits_of(grid: Grid) -> Limits:
    """The limits that `grid` sets."""
    wanted = grid.limits
    return Limits(
        memory_bytes=int(wanted.memory_gib * GIB),
        processes=wanted.processes,
        seconds=wanted.minutes * 60,
        vivado_memory_bytes=int(wanted.vivado_memory_gib * GIB),
        vivado_seconds=wanted.vivado_minutes * 60,
    )


def prepare_runner(choice: Choice) -> bool:
    """Do what has to be done before keys can be computed: a docker runner needs its base.

    Returns:
        Whether it does: keys that were computed before may have been others.
    """
    if choice.runner.name != "docker":
        return False
    from bench.runners.docker import DockerRunner  # noqa: PLC0415

    if isinstance(choice.runner, DockerRunner):
        choice.runner.prepare_base(lambda text: say(f"note: {text}"), threading.Event())
    return True


def open_resolver(store_path: Path, choice: Choice, grid: Grid | None = None) -> Resolver:
    """The store and the runners, ready to look things up and to run them on the grid's boards."""
    boards = grid.boards if grid else ()
    return assemble(
        store_path, choice.runner, BoardPool(Remote.of_table(board) for board in boards)
    )


@dataclass(frozen=True)
class Changes:
    """What the command line changes of a grid; None, or no boards, leaves it as it is."""

    images: int | None = None
    exact: bool | None = None
    trace_images: int | None = None
    boards: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the command line that these changes came from."""
        words: list[str] = []
        for option, value in (("--images", self.images), ("--trace", self.trace_images)):
            words += [option, str(value)] if value else []
        words += ["--exact"] if self.exact else []
        return (*words, *(word for board in self.boards for word in ("--board", board)))


def grid_options(command: Callable[..., None]) -> Callable[..., None]:
    """Adds FILE and all that changes or finds a grid's results: what `run` and its kin take.

    `command` gets `file`, `changes`, `runner` and `store_path`.
    """

    @functools.wraps(command)
    def gathered(
        *arguments: Any,
        images: int | None,
        exact: bool | None,
        trace_images: int | None,
        boards: tuple[str, ...],
        **others: Any,
    ) -> None:
        command(*arguments, changes=Changes(images, exact, trace_images, boards), **others)

    return grid_argument(simulation_options(board_option(runner_option(store_option(gathered)))))


def simulation_options(command: Command) -> Command:
    """Adds `--images`, `--exact` and `--trace`, which change the grid's simulation."""
    for option in (
        click.option(
            "--trace",
            "trace_images",
            type=click.IntRange(1),
            metavar="N",
            help="Write waveforms (VCD) of the first N images.",
        ),
        click.option(
            "--exact", is_flag=True, default=None, help="Simulate FINN's own modules throughout."
        ),
        click.option(
            "--images",
            type=click.IntRange(2),
            metavar="N",
            help="Simulate N test images, up to the whole test set, whatever FILE says.",
        ),
    ):
        command = option(command)
    return command


def load_experiments(file: Path, changes: Changes | None = None) -> tuple[Grid, tuple[Point, ...]]:
    """The grid in `file`, changed as the command line says, and all its experiments."""
    grid = load_grid(file)
    changes = changes or Changes()
    if changes.boards:
        grid = _on_boards(grid, changes.boards)
    wanted = {**asdict(changes), "boards": None}
    given = {name: value for name, value in wanted.items() if value}
    if "trace_images" in given and given["trace_images"] > given.get(
        "images", grid.table(all_stages()["simulate"]).images
    ):
        raise ConfigError(
            f"Waveforms of {counted(given['trace_images'], 'image')} are wanted, more than are "
            "simulated.",
            "Give a smaller --trace, or more --images.",
        )
    if given:
        simulate = grid.table(all_stages()["simulate"]).model_copy(update=given)
        grid = grid.model_copy(update={"simulate": simulate})
        check_images(file, grid)
    return grid, expand(grid)


def all_points(grid: Grid, experiments: tuple[Point, ...]) -> tuple[Point, ...]:
    """What a run of the grid makes: its experiments, and what is trained for comparison."""
    return (*experiments, *references(grid))


def best_resolver(
    wanted: str, store_path: Path, grid: Grid, experiments: tuple[Point, ...]
) -> Resolver:
    """For looking things up: that of the runner which made the most of what the store holds.

    Raises:
        StoreError: There is no store.
    """
    Store(store_path).require()
    choices = choose_runners(wanted, store_path)
    resolvers = [open_resolver(store_path, choice, grid) for choice in choices]
    tasks = plan(all_points(grid, experiments))
    return max(resolvers, key=lambda one: len(one.present(tasks)))


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
