"""What a run needs, on this machine or in a cluster: the store and the runners."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.boards.pool import BoardPool
from bench.environments import ENVIRONMENTS
from bench.pipeline.resolve import Resolver
from bench.runners import Runner
from bench.runners.host import HostContext, HostRunner
from bench.store import Store


def assemble(
    store: Path,
    runner: Runner,
    pool: BoardPool | None = None,
    files: Mapping[str, Path] | None = None,
) -> Resolver:
    """A resolver for `store`; `runner` runs the workers, host stages run in this process.

    `files` says where the user's own files are, by SHA-256.
    """
    host = HostRunner(HostContext(workers=runner, pool=pool or BoardPool(), files=files or {}))
    workers: dict[str, Runner] = dict.fromkeys(ENVIRONMENTS, runner)
    return Resolver(Store(store), {"host": host, **workers})
