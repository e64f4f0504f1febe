"""What stops a run before it starts: the same for a run, its plan and its dry run."""

from __future__ import annotations

import os
from collections.abc import Sequence

from bench.errors import StoreError, store_error
from bench.files import check_writable
from bench.pipeline.budget import require_memory
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.store import Store


def check_store(store: Store) -> None:
    """Raise `StoreError` if a run could not write to `store`, which need not exist yet."""
    if os.pathsep in str(store.root):
        raise StoreError(
            f"The store's path {store.root} has a '{os.pathsep}' in it, at which lists of paths "
            "are split.",
            "Choose another one with --store.",
        )
    for folder in (store.root, store.root / "tmp", store.root / "locks"):
        try:
            check_writable(folder)
        except OSError as error:
            raise store_error(error, folder) from error


def check_machine(missing: Sequence[Task], resolver: Resolver, memory: int | None) -> None:
    """Raise what a run on this machine would meet in its first second; changes nothing.

    Args:
        missing: The tasks that will run.
        resolver: Keys, store and runners.
        memory: Bytes that the tasks which run at once may take; None for no bound.

    Raises:
        ConfigError: `memory` is less than one task takes.
        EnvironmentFailure: A tool or disk space is missing.
    """
    if memory is not None:
        require_memory(missing, memory)
    for environment in dict.fromkeys(task.stage.environment for task in missing):
        resolver.runners[environment].check(environment)
