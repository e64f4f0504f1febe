"""The store and the runners, put together: what a run needs, on this machine or on another."""

from __future__ import annotations

from pathlib import Path

from bench.boards.fleet import Fleet
from bench.environments import ENVIRONMENTS
from bench.pipeline.resolve import Resolver
from bench.runners import Runner
from bench.runners.host import HostContext, HostRunner
from bench.runners.vivado import ENVIRONMENT as VIVADO
from bench.store import Store


def assemble(store: Path, runner: Runner, fleet: Fleet | None = None) -> Resolver:
    """A resolver for `store`.

    Args:
        store: The artifact store.
        runner: Runs the workers; host stages run in this process.
        fleet: The boards that SSH reaches; none by default.
    """
    host = HostRunner(HostContext(workers=runner, fleet=fleet or Fleet()))
    workers: dict[str, Runner] = dict.fromkeys((*ENVIRONMENTS, VIVADO), runner)
    return Resolver(Store(store), {"host": host, **workers})
