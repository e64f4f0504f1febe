"""Locks between runs that share a store."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.3


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
        on_wait: Called once if somebody else holds the lock.

    Raises:
        Cancelled: `cancelled` was set while waiting.
    """
    lock = FileLock(path, thread_local=False)
    told = False
    while True:
        try:
            lock.acquire(timeout=POLL_SECONDS if told else 0)
            break
        except Timeout:
            if cancelled.is_set():
                raise Cancelled from None
            if not told:
                on_wait()
                told = True
    try:
        yield
    finally:
        lock.release()
