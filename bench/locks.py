"""Locks between runs that share a store."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.3
_wanted: Counter[Path] = Counter()  # locks that threads of this process hold or wait for
_counting = threading.Lock()


class Cancelled(Exception):
    """The run was interrupted; nothing of the work in progress is kept."""


@contextmanager
def hold(
    path: Path, cancelled: threading.Event, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock file `path`; the operating system frees it if this process dies.

    Args:
        path: The lock file.
        cancelled: Set to stop waiting.
        on_wait: Called once if another process holds the lock. The threads of one run need not
            tell about each other, so of several that wait only the first calls it.

    Raises:
        Cancelled: `cancelled` was set while waiting.
    """
    lock = FileLock(path, thread_local=False)
    with _count(path) as alone:
        told = not alone
        patience = 0.0
        while True:
            try:
                lock.acquire(timeout=patience)
                break
            except Timeout:
                if cancelled.is_set():
                    raise Cancelled from None
                if not told:
                    on_wait()
                    told = True
                patience = POLL_SECONDS
        try:
            yield
        finally:
            lock.release()


@contextmanager
def _count(path: Path) -> Iterator[bool]:
    """Whether no other thread of this process holds or waits for the lock."""
    with _counting:
        alone = not _wanted[path]
        _wanted[path] += 1
    try:
        yield alone
    finally:
        with _counting:
            _wanted[path] -= 1
            if not _wanted[path]:
                del _wanted[path]
