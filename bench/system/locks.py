"""Locks between runs that share a store."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from bench.errors import StoreError, store_error

POLL_SECONDS = 0.3
# By lock file, while a thread of this process holds it or waits for it.
_turns: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()
_making = threading.Lock()


class Cancelled(Exception):
    """The run was interrupted; nothing of the work in progress is kept."""


@contextmanager
def hold(
    path: Path, cancelled: threading.Event, on_wait: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Hold the lock file `path`; the operating system releases it if this process dies.

    `on_wait` is called once if another process holds the lock.

    Raises:
        Cancelled: `cancelled` was set while waiting.
        StoreError: The lock file cannot be made or opened.
    """
    lock = FileLock(path, thread_local=False)
    with _one_thread(path, cancelled):
        told, patience = False, 0.0
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
            except OSError as error:
                raise _unusable(error, path) from error
        try:
            yield
        finally:
            lock.release()


@contextmanager
def _one_thread(path: Path, cancelled: threading.Event) -> Iterator[None]:
    """Let this process's threads take turns, so that only other processes hold the lock."""
    with _making:
        turn = _turns.setdefault(path, threading.Lock())
    while not turn.acquire(timeout=POLL_SECONDS):
        if cancelled.is_set():
            raise Cancelled
    try:
        yield
    finally:
        turn.release()


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file `path`, or we may not open it; changes nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return error.errno in (errno.EACCES, errno.EPERM)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _unusable(error: OSError, path: Path) -> StoreError:
    if error.errno in (errno.EACCES, errno.EPERM) and path.exists():
        return StoreError(
            f"The lock {path} is another user's: {error.strerror}.",
            "Share the folder (one group, umask 002), or choose another store with --store.",
        )
    return store_error(error, path)
