"""The store and the runners, put together: what a run needs, on this machine or on another."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bench.boards.contained import emulated_in_container
from bench.boards.fleet import Fleet
from bench.boards.measure import Emulator, emulated_in_process, measure
from bench.datasets.fetch import fetch
from bench.environments import ENVIRONMENTS
from bench.pipeline.resolve import Resolver
from bench.runners import Runner
from bench.runners.docker import DockerRunner
from bench.runners.host import HostRunner
from bench.runners.vivado import ENVIRONMENT as VIVADO
from bench.store import Store


def assemble(store: Path, runner: Runner, fleet: Fleet | None = None) -> Resolver:
    """A resolver for `store`.

    Args:
        store: The artifact store.
        runner: Runs the workers; host stages run in this process.
        fleet: The boards that SSH reaches; none by default.
    """
    emulator: Emulator = emulated_in_process
    if isinstance(runner, DockerRunner):
        emulator = partial(emulated_in_container, runner)
    measure_there = partial(measure, fleet=fleet or Fleet(), emulator=emulator)
    host = HostRunner({"dataset": fetch, "measure": measure_there})
    workers: dict[str, Runner] = dict.fromkeys((*ENVIRONMENTS, VIVADO), runner)
    return Resolver(Store(store), {"host": host, **workers})
