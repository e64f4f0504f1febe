"""The runner and the resolver that a command uses."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from bench.boards.pool import BoardPool, Remote
from bench.console.terminal import say
from bench.errors import EnvironmentFailure
from bench.grids.tables import Grid
from bench.paths import environments_folder, require_checkout
from bench.pipeline import Resolver
from bench.pipeline.assemble import assemble
from bench.runners import Runner
from bench.runners.limits import Limits
from bench.runners.venv import VenvRunner
from contract.stage import GIB

_DEFAULT_ENGINE = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Choice:
    """A runner, and why it was taken."""

    runner: Runner
    reason: str


def choose_runner(wanted: str, store: Path, limits: Limits | None = None) -> Choice:
    """The runner asked for; `auto` takes docker if an engine answers, else venv.

    Args:
        wanted: `auto`, `docker` or `venv`.
        store: The artifact store, in which environments and images are prepared.
        limits: Of a single stage.

    Raises:
        EnvironmentFailure: The runner asked for is not available.
    """
    require_checkout()
    venv = VenvRunner(environments_folder(store), limits, store)
    if wanted == "venv":
        return Choice(venv, "asked for")
    if wanted == "auto" and not _may_have_engine():
        return Choice(venv, "auto: no container engine is running, or none is installed")
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


def _may_have_engine() -> bool:
    """Whether a container engine may be running: if it has a local address, its socket exists."""
    kind, _, place = os.environ.get("DOCKER_HOST", _DEFAULT_ENGINE).partition("://")
    return kind != "unix" or Path(place).exists()


def choose_runners(wanted: str, store: Path) -> list[Choice]:
    """The runners with which to look artifacts up; for `auto`, all that this machine offers.

    Each runner has its own environments, and so its own keys.
    """
    best = choose_runner(wanted, store)
    if wanted != "auto" or isinstance(best.runner, VenvRunner):
        return [best]
    return [best, choose_runner("venv", store)]


def limits_of(grid: Grid) -> Limits:
    """The limits in `grid`."""
    wanted = grid.limits
    return Limits(
        memory_bytes=int(wanted.memory_gib * GIB),
        processes=wanted.processes,
        seconds=wanted.minutes * 60,
        vivado_memory_bytes=int(wanted.vivado_memory_gib * GIB),
        vivado_seconds=wanted.vivado_minutes * 60,
    )


def prepare_runner(choice: Choice) -> bool:
    """Prepare the base image of a docker runner, on which keys depend.

    Returns:
        Whether there is one: keys computed before may have changed.
    """
    if choice.runner.name != "docker":
        return False
    from bench.runners.docker import DockerRunner  # noqa: PLC0415

    if isinstance(choice.runner, DockerRunner):
        choice.runner.prepare_base(lambda text: say(f"note: {text}"), threading.Event())
    return True


def open_resolver(store_path: Path, choice: Choice, grid: Grid | None) -> Resolver:
    """The store and the runners, with the grid's boards and the user's files."""
    boards = grid.boards if grid else ()
    pool = BoardPool(Remote.of_table(board) for board in boards)
    return assemble(store_path, choice.runner, pool, grid.paths if grid else None)


def open_resolvers(store_path: Path, wanted: str, grid: Grid | None = None) -> list[Resolver]:
    """See `choose_runners`."""
    choices = choose_runners(wanted, store_path)
    return [open_resolver(store_path, choice, grid) for choice in choices]


def available_cpus() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0))
