"""Download a file from a web server that may be silent or slow, break off, or send too much."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPResponse

from bench.console.text import excerpt
from bench.datasets.fetching.patience import Patience
from bench.datasets.model import SourceFailed
from bench.system.listening import poll

CHUNK = 1 << 16
POLL_SECONDS = 0.1
# Chunks that may wait to be written; a faster server then has to wait, too.
AHEAD = 16
# Digits of a length that a server may announce: Python refuses to convert thousands.
LENGTH_DIGITS = 15


def download(url: str, patience: Patience, check: Callable[[], None]) -> Iterator[bytes]:
    """The content of `url`, in pieces; `check` is called while waiting and raises to stop that.

    Received in a thread, because urllib's time-out covers neither the name look-up nor the sum over
    a server's addresses nor a server that sends a byte now and then, and an interrupt must not wait
    for these.

    Raises:
        SourceFailed: The server cannot be reached, refuses, is too slow, or breaks off.
    """
    begin = last = window = time.monotonic()
    recent = 0
    check()
    for piece in poll(_receive(url, patience.silence), min(POLL_SECONDS, patience.silence), AHEAD):
        check()
        now = time.monotonic()
        if piece is not None:
            last, recent = now, recent + len(piece)
            yield piece
        if now - last > patience.silence:
            raise SourceFailed(f"went silent for {patience.silence:g} s")
        if now - begin > patience.total:
            raise SourceFailed(f"took longer than {patience.total:g} s for one file")
        if now - window > patience.window:
            if recent < patience.slowest * patience.window:
                raise SourceFailed(f"sent only {recent} bytes in {patience.window:g} s")
            window, recent = now, 0


def _receive(url: str, silence: float) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=silence) as response:
            received, announced = 0, _announced_length(response)
            # One read of the socket at a time, so that each piece is passed on at once.
            while chunk := response.read1(CHUNK):
                received += len(chunk)
                yield chunk
    except (OSError, HTTPException, ValueError) as error:
        raise SourceFailed(_explain(error, silence)) from error
    if announced is not None and received != announced:
        raise SourceFailed(f"broke off after {received} of {announced} bytes")


def _announced_length(response: HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) <= LENGTH_DIGITS else None


def _explain(error: Exception, silence: float) -> str:
    """The reason in a few words; the server's own text is quoted."""
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code} ({excerpt(str(error.reason), 80)})"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"went silent for {silence:g} s"
    text = cause.strerror if isinstance(cause, OSError) else str(cause)
    return f"could not be reached ({excerpt(text or str(cause), 120)})"
