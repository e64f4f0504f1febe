"""The store and the runners, put together: what a run needs, on this machine or on another."""

from __future__ import annotations

from pathlib import Path

from bench.boards.pool import BoardPool
from bench.environments import ENVIRONMENTS
from bench.pipeline.resolve import Resolver
from bench.runners import Runner
from bench.runners.host import HostContext, HostRunner
from bench.store import Store


def assemble(store: Path, runner: Runner, pool: BoardPool | None = None) -> Resolver:
    """A resolver for `store`.

    Args:
        store: The artifact store.
        runner: Runs the workers; host stages run in this process.
        pool: The boards that SSH reaches; none by default.
    """
    host = HostRunner(HostContext(workers=runner, pool=pool or BoardPool()))
    workers: dict[str, Runner] = dict.fromkeys(ENVIRONMENTS, runner)
    return Resolver(Store(store), {"host": host, **workers})
