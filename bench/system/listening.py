"""Iterate over a source that may be silent for minutes, without missing an interrupt."""

from __future__ import annotations

import contextlib
import math
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from bench.system.locks import Cancelled

POLL_SECONDS = 0.2

Item = TypeVar("Item")


class TimedOut(Exception):
    """The deadline passed."""


def listen(
    source: Iterable[Item], cancelled: threading.Event, deadline: float = math.inf
) -> Iterator[Item]:
    """The items of `source` as they come; see `poll`.

    Raises:
        Cancelled: `cancelled` was set.
        TimedOut: The deadline, by the monotonic clock, passed.
        Exception: What `source` raised.
    """
    for item in poll(source):
        if cancelled.is_set():
            raise Cancelled
        if time.monotonic() > deadline:
            raise TimedOut
        if item is not None:
            yield item


def poll(
    source: Iterable[Item], seconds: float = POLL_SECONDS, ahead: int = 1000
) -> Iterator[Item | None]:
    """The items of `source`, for which a thread waits, and None after `seconds` without an item.

    The thread reads at most `ahead` items more than were taken, and stops when this is closed.
    """
    arriving: queue.Queue[tuple[Item] | Exception | None] = queue.Queue(ahead)
    stopped = threading.Event()

    def fetch() -> None:
        end: Exception | None = None
        try:
            for item in source:
                arriving.put((item,))
                if stopped.is_set():
                    return
        except Exception as error:  # handed over to the thread that listens
            end = error
        arriving.put(end)

    threading.Thread(target=fetch, daemon=True).start()
    try:
        while True:
            try:
                arrived = arriving.get(timeout=seconds)
            except queue.Empty:
                yield None
                continue
            if arrived is None:
                return
            if isinstance(arrived, Exception):
                raise arrived
            yield arrived[0]
    finally:
        stopped.set()
        with contextlib.suppress(queue.Empty):
            arriving.get_nowait()  # makes room, should the thread wait for some
