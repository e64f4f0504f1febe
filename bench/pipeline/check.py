"""Checks before a run starts; the same for a run, its plan and its dry run."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from bench.errors import StoreError, store_error
from bench.pipeline.budget import require_memory
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.store import Store
from bench.store.contents import OTHERS
from bench.system.files import check_writable


def check_store(store: Store, missing: Sequence[Task]) -> None:
    """Raise `StoreError` if a run of `missing` could not write to `store`, which may not exist."""
    if os.pathsep in str(store.root):
        raise StoreError(
            f"The store's path {store.root} contains '{os.pathsep}', which separates paths in "
            "lists.",
            "Choose another one with --store.",
        )
    caches = dict.fromkeys(f"cache/{task.stage.environment}" for task in missing)
    for name in (*OTHERS, *caches):
        _require_folder(store.root / name)
    stages = dict.fromkeys(task.stage.name for task in missing)
    for name in ("", "tmp", "locks", *stages):
        folder = store.root / name
        _require_folder(folder)
        try:
            check_writable(folder)
        except OSError as error:
            raise store_error(error, folder) from error


def _require_folder(path: Path) -> None:
    """Raise `StoreError` if `path` exists and is not a folder."""
    if os.path.lexists(path) and not path.is_dir():
        raise store_error(NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)), path)


def check_machine(missing: Sequence[Task], resolver: Resolver, memory: int | None) -> None:
    """Raise the errors that a run of `missing` on this machine would meet at its start.

    Raises:
        ConfigError: `memory` (bytes; None for no bound) is less than one task takes.
        EnvironmentFailure: A tool or disk space is missing.
    """
    if memory is not None:
        require_memory(missing, memory)
    _check_environments(missing, resolver)


def check_skipped(tasks: Sequence[Task], resolver: Resolver) -> None:
    """Raise `EnvironmentFailure` if tasks would be skipped because of a user's mistake.

    Without Vivado, a run skips what needs it; with a Vivado that cannot be used, it is refused.
    """
    _check_environments([task for task in tasks if resolver.lacks(task)], resolver)


def _check_environments(tasks: Sequence[Task], resolver: Resolver) -> None:
    for environment in dict.fromkeys(task.stage.environment for task in tasks):
        resolver.runners[environment].check(environment)
