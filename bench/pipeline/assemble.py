"""The store and the runners, put together: what a run needs, on this machine or on another."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.boards.fleet import Fleet
from bench.environments import ENVIRONMENTS
from bench.pipeline.resolve import Resolver
from bench.runners import Runner
from bench.runners.host import HostReporter, HostRunner
from bench.runners.vivado import ENVIRONMENT as VIVADO
from bench.runners.wire import Request
from bench.store import Store

if TYPE_CHECKING:
    from bench.boards.measure import Emulator


def assemble(store: Path, runner: Runner, fleet: Fleet | None = None) -> Resolver:
    """A resolver for `store`.

    Args:
        store: The artifact store.
        runner: Runs the workers; host stages run in this process.
        fleet: The boards that SSH reaches; none by default.
    """
    measure = partial(_measure, runner, fleet or Fleet())
    host = HostRunner({"dataset": _fetch, "measure": measure})
    workers: dict[str, Runner] = dict.fromkeys((*ENVIRONMENTS, VIVADO), runner)
    return Resolver(Store(store), {"host": host, **workers})


# What host stages import is imported when they run: most commands only look things up, and an SSH
# library takes a fifth of a second.


def _fetch(request: Request, reporter: HostReporter) -> None:
    from bench.datasets.fetching.fetch import fetch  # noqa: PLC0415

    fetch(request, reporter)


def _measure(runner: Runner, fleet: Fleet, request: Request, reporter: HostReporter) -> None:
    from bench.boards.measure import measure  # noqa: PLC0415

    measure(request, reporter, fleet=fleet, emulator=_emulator(runner))


def _emulator(runner: Runner) -> Emulator:
    """A board in a container beside stages in containers, else one in this process."""
    from bench.boards.measure import emulated_in_process  # noqa: PLC0415

    if runner.name != "docker":
        return emulated_in_process
    from bench.boards.contained import emulated_in_container  # noqa: PLC0415
    from bench.runners.docker import DockerRunner  # noqa: PLC0415

    assert isinstance(runner, DockerRunner)
    return partial(emulated_in_container, runner)
