"""Files published in a folder of a web server."""

from __future__ import annotations

import queue
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from bench.datasets.model import DataFile, SourceFailed
from bench.runners.host import HostReporter

CHUNK = 1 << 16
MEGABYTE = 1_000_000
# Compressed data may be a little longer than the data; anything beyond is not the file.
SLACK_BYTES = 1 << 20
POLL_SECONDS = 0.1


@dataclass(frozen=True)
class WebFolder:
    """Gzipped files below `url`, which ends in a slash.

    Attributes:
        url: The folder.
        patience: Seconds to wait for an answer, and for more of it.
    """

    url: str
    patience: float = 10.0

    @property
    def name(self) -> str:
        """The folder's address."""
        return self.url

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: HostReporter
    ) -> Iterator[Path]:
        """See `Source.deliver`."""
        for done, file in enumerate(files):
            target = scratch / f"{file.published}.gz"
            with _ask(self.url + target.name, self.patience, reporter) as response:
                length = _announced_length(response)
                received = 0
                with target.open("wb") as out:
                    for chunk in _body(response, self.patience):
                        received += len(chunk)
                        if received > file.size + SLACK_BYTES:
                            raise SourceFailed(f"sent more for {target.name} than it can hold")
                        out.write(chunk)
                        text = f"{file.published}, {received / MEGABYTE:.1f} MB"
                        reporter.progress(done, len(files), "file", text)
            if length is not None and received != length:
                raise SourceFailed(f"broke off {target.name} after {received} of {length} bytes")
            yield target


def _ask(url: str, patience: float, reporter: HostReporter) -> HTTPResponse:
    """The server's answer.

    Asked in a thread, because urllib's time-out covers neither the name look-up nor the sum over
    all of a server's addresses, and because an interrupt must not wait for either.
    """
    answers: queue.SimpleQueue[HTTPResponse | OSError | HTTPException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(urllib.request.urlopen(url, timeout=patience))
        except (OSError, HTTPException) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        reporter.check_cancelled()
        try:
            answer = answers.get(timeout=min(POLL_SECONDS, patience))
        except queue.Empty:
            continue
        if isinstance(answer, HTTPResponse):
            return answer
        raise SourceFailed(_explain(answer, patience)) from answer
    raise SourceFailed(f"did not answer within {patience:g} s")


def _explain(error: OSError | HTTPException, patience: float) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"answered {error.code} ({error.reason})"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, TimeoutError):
        return f"went silent for {patience:g} s"
    text = cause.strerror if isinstance(cause, OSError) else str(cause)
    return f"could not be reached ({text or cause})"


def _announced_length(response: HTTPResponse) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _body(response: HTTPResponse, patience: float) -> Iterator[bytes]:
    while True:
        try:
            # One read of the socket, so that a slow server still lets interrupts through.
            chunk = response.read1(CHUNK)
        except (OSError, HTTPException) as error:
            raise SourceFailed(_explain(error, patience)) from error
        if not chunk:
            return
        yield chunk
