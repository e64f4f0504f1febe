"""Listening to what may be silent: its end, its errors, an interrupt, a deadline."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from bench.system.listening import TimedOut, listen, poll
from bench.system.locks import Cancelled

NEVER = threading.Event()


def silent(released: threading.Event) -> Iterator[int]:
    yield 1
    released.wait()
    yield 2


def test_everything_comes_in_order_then_the_error() -> None:
    def failing() -> Iterator[int]:
        yield from range(5000)  # more than may wait
        raise OSError("gone")

    got: list[int] = []
    with pytest.raises(OSError, match="gone"):
        got.extend(listen(failing(), NEVER))
    assert list(listen(range(3), NEVER)) == [0, 1, 2]


def test_silence_ends_at_an_interrupt_and_at_the_deadline() -> None:
    released, cancelled = threading.Event(), threading.Event()
    arriving = listen(silent(released), cancelled)
    assert next(arriving) == 1
    cancelled.set()
    with pytest.raises(Cancelled):
        next(arriving)
    with pytest.raises(TimedOut):
        list(listen(silent(released), NEVER, time.monotonic() - 1))
    released.set()


def test_a_source_is_left_alone_once_nobody_listens() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    arriving = listen(endless(), NEVER)
    next(arriving)
    arriving.close()  # type: ignore[attr-defined]
    assert closed.wait(10)


def test_polling_gives_none_in_silence_and_reads_little_ahead() -> None:
    released = threading.Event()
    items = poll(silent(released), seconds=0.01)
    assert [next(items), next(items)] == [1, None]
    released.set()
    assert [item for item in items if item is not None] == [2]

    read: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    slow = poll(counted(), ahead=3)
    for taken in range(1, 101):
        assert next(slow) == taken - 1
        assert len(read) <= taken + 4  # three wait, and one is about to
