"""What several commands share: options, and how the parts are put together."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from bench.boards.measure import measure
from bench.datasets.fetch import fetch
from bench.environments import ENVIRONMENTS
from bench.errors import EnvironmentFailure
from bench.experiment import Experiment, expand
from bench.grid import Grid, load_grid
from bench.paths import default_store, environments_folder, require_checkout
from bench.pipeline import Resolver
from bench.runners import Runner
from bench.runners.host import HostRunner
from bench.runners.venv import VenvRunner
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


def grid_argument(command: Command) -> Command:
    """Adds the argument FILE: a grid of experiments."""
    return click.argument("file", type=click.Path(path_type=Path))(command)


def choose_runner(wanted: str, store: Path) -> Choice:
    """The runner asked for; `auto` takes the best that this machine and this version offer.

    Raises:
        EnvironmentFailure: The runner asked for cannot be had.
    """
    require_checkout()
    if wanted == "docker":
        raise EnvironmentFailure(
            "The docker runner is not part of this version yet.",
            "Use --runner venv (or auto): the same pinned packages in isolated environments.",
        )
    reason = "asked for" if wanted == "venv" else "auto: the only one in this version"
    return Choice(VenvRunner(environments_folder(store)), reason)


def open_resolver(store_path: Path, choice: Choice) -> Resolver:
    """The store and the runners, ready to look things up and to run them."""
    host = HostRunner({"dataset": fetch, "measure": measure})
    runners: dict[str, Runner] = dict.fromkeys(ENVIRONMENTS, choice.runner)
    return Resolver(Store(store_path), {"host": host, **runners})


def load_experiments(file: Path) -> tuple[Grid, tuple[Experiment, ...]]:
    """The grid in `file` and all its experiments."""
    grid = load_grid(file)
    return grid, expand(grid)


def available_cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
