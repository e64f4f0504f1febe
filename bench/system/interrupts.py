"""Signals that end a run: Ctrl-C, SIGTERM, SIGHUP."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a shell calls a process that a signal ended.
BASE = 128
# What the first signal began, those that follow at once must not break: a second Ctrl-C out of
# impatience, or a shell and a service manager that both end the process.
GRACE_SECONDS = 1.0
MESSAGE = "interrupted; what was finished is kept"


class _State:
    """The state of this process.

    Attributes:
        at_once: Whether to exit immediately, as no command has begun yet.
        shields: How many clean-ups are under way; they are not interrupted.
        told: Whether the message about clean-ups was printed.
        received: The first signal.
        raised: When a signal last raised an exception, by the monotonic clock.
    """

    at_once = False
    shields = 0
    told = False
    received: int | None = None
    raised: float | None = None


def install() -> None:
    """Handle the signals, except those that are ignored at the start (nohup).

    Until `ready` they end the process: an exception during an import can get lost.
    """
    _State.at_once = True
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _handle)


def ready() -> None:
    """From now on a signal raises `KeyboardInterrupt` in the main thread.

    Those within `GRACE_SECONDS` after it do not. Later ones do again: it may have got lost in a
    callback of Python's.
    """
    _State.at_once = False


def done() -> None:
    """Ignore signals from now on: while Python shuts down, they would change the exit code."""
    for number in SIGNALS:
        if signal.getsignal(number) is _handle:
            signal.signal(number, signal.SIG_IGN)


def exit_code() -> int:
    """The exit code after an interrupt: 130 for Ctrl-C, 143 for SIGTERM, 129 for SIGHUP."""
    return BASE + (_State.received or signal.SIGINT)


@contextmanager
def shield() -> Iterator[None]:
    """Protect a clean-up, which must be short, from signals."""
    if threading.current_thread() is not threading.main_thread():  # no signal gets there
        yield
        return
    _State.shields += 1
    try:
        yield
    finally:
        _State.shields -= 1


def _handle(number: int, _: FrameType | None) -> None:
    _State.received = _State.received or number
    if _State.at_once:
        _tell(MESSAGE)
        os._exit(BASE + number)
    now = time.monotonic()
    unwinding = _State.raised is not None and now - _State.raised < GRACE_SECONDS
    if _State.shields or unwinding:
        if not _State.told:
            _tell("stopping what runs; this takes a few seconds")
        _State.told = True
        return
    _State.raised = now
    raise KeyboardInterrupt


def caused(error: BaseException) -> bool:
    """Whether an interrupt led to `error`; after a signal, whatever goes wrong counts.

    It can come at any instruction, also between those that acquire a lock and those that release
    it, where Python turns it into another exception; and in a library in C or Rust, which does so
    without a trace of it.
    """
    if _State.raised is not None:
        return True
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, KeyboardInterrupt):
            return True
        at = at.__context__
    return False


def _tell(text: str) -> None:
    with suppress(OSError):  # the terminal is gone
        os.write(2, f"{text}\n".encode())
