"""The store and the runners, put together: what a run needs, on this machine or on another."""

from __future__ import annotations

from pathlib import Path

from bench.boards.measure import measure
from bench.datasets.fetch import fetch
from bench.environments import ENVIRONMENTS
from bench.pipeline.resolve import Resolver
from bench.runners import Runner
from bench.runners.host import HostRunner
from bench.store import Store


def assemble(store: Path, runner: Runner) -> Resolver:
    """A resolver for `store` whose workers run in `runner`, host stages in this process."""
    host = HostRunner({"dataset": fetch, "measure": measure})
    workers: dict[str, Runner] = dict.fromkeys(ENVIRONMENTS, runner)
    return Resolver(Store(store), {"host": host, **workers})
