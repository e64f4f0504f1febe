"""One file from a web server, which may be silent, slow, broken off, or wordy."""

from __future__ import annotations

import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse

from bench.console.text import excerpt
from bench.datasets.fetching.web import Patience
from bench.datasets.model import SourceFailed

CHUNK = 1 << 16
POLL_SECONDS = 0.1
# Chunks that may wait to be written; a faster server then has to wait, too.
AHEAD = 16
# Digits of a length that a server may announce: Python refuses to convert thousands.
LENGTH_DIGITS = 15


def download(url: str, patience: Patience, check: Callable[[], None]) -> Iterator[bytes]:
    """What is at `url`, in pieces.

    Received in a thread, because a time-out of urllib's covers neither the name look-up nor the
    sum over all of a server's addresses nor a server that sends a byte now and then, and because
    an interrupt must wait for none of these.

    Args:
        url: The file.
        patience: When to give up.
        check: Called while waiting; raises to stop that.

    Raises:
        SourceFailed: The server cannot be reached, refuses, is too slow, or breaks off.
    """
    arrivals: queue.Queue[bytes | SourceFailed] = queue.Queue(AHEAD)
    given_up = threading.Event()
    thread = threading.Thread(
        target=_receive, args=(url, patience.silence, arrivals, given_up), daemon=True
    )
    thread.start()
    try:
        yield from _arriving(arrivals, patience, check)
    finally:
        given_up.set()


def _arriving(
    arrivals: queue.Queue[bytes | SourceFailed], patience: Patience, check: Callable[[], None]
) -> Iterator[bytes]:
    """The pieces until the end, an empty one, with an eye on the clock."""
    begin = last = window = time.monotonic()
    recent = 0
    while True:
        check()
        try:
            arrived = arrivals.get(timeout=min(POLL_SECONDS, patience.silence))
        except queue.Empty:
            arrived = None
        now = time.monotonic()
        if isinstance(arrived, SourceFailed):
            raise arrived
        if arrived is not None:
            if not arrived:
                return
            last, recent = now, recent + len(arrived)
            yield arrived
        if now - last > patience.silence:
            raise SourceFailed(f"went silent for {patience.silence:g} s")
        if now - begin > patience.total:
            raise SourceFailed(f"took longer than {patience.total:g} s for one file")
        if now - window > patience.window:
            if recent < patience.slowest * patience.window:
                raise SourceFailed(f"sent only {recent} bytes in {patience.window:g} s")
            window, recent = now, 0


def _receive(
    url: str,
    silence: float,
    arrivals: queue.Queue[bytes | SourceFailed],
    given_up: threading.Event,
) -> None:
    """Put the pieces into `arrivals`, and at the end an empty one or why there are no more."""

    def put(piece: bytes | SourceFailed) -> None:
        while not given_up.is_set():
            with suppress(queue.Full):
                arrivals.put(piece, timeout=POLL_SECONDS)
                return

    try:
        with urllib.request.urlopen(url, timeout=silence) as response:
            received, announced = 0, _announced_length(response)
            # One read of the socket at a time, so that what came is known at once.
            while not given_up.is_set() and (chunk := response.read1(CHUNK)):
                received += len(chunk)
                put(chunk)
        if announced is not None and received != announced:
            put(SourceFailed(f"broke off after {received} of {announced} bytes"))
        put(b"")
    except (OSError, HTTPException, ValueError) as error:
        put(SourceFailed(_explain(error, silence)))


def _announced_length(response: HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) <= LENGTH_DIGITS else None


def _explain(error: Exception, silence: float) -> str:
    """Why, in a few words; what the server says is no more than quoted."""
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code} ({excerpt(str(error.reason), 80)})"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"went silent for {silence:g} s"
    text = cause.strerror if isinstance(cause, OSError) else str(cause)
    return f"could not be reached ({excerpt(text or str(cause), 120)})"
