"""End the command, with a message, once standard output cannot be written."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, TextIO

STDOUT, STDERR = 1, 2


class OutputLost(BaseException):
    """Standard output cannot be written any more.

    Not an `Exception`: as with an interrupt, the work under way stops, and has not failed.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.closed_pipe = error.errno == errno.EPIPE
        self.what = (
            "Standard output is closed."
            if error.errno == errno.EBADF
            else f"Standard output cannot be written: {error.strerror}."
        )


class _Output(io.FileIO):
    """Standard output; raises `OutputLost`, or drops everything after `give_up`."""

    given_up = False

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            if self.given_up:
                return len(data)
            raise OutputLost(error) from error


class _Messages(io.FileIO):
    """Standard error, whose failures are ignored, as they cannot be reported."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError:
            return len(data)


def guard() -> None:
    """Guard standard output and error of this process."""
    for number in range(3):
        _fill(number)
    sys.stdout = _stream(_Output(STDOUT, "wb", closefd=False), sys.stdout)
    sys.stderr = _stream(_Messages(STDERR, "wb", closefd=False), sys.stderr, messages=True)


def give_up() -> None:
    """Drop the buffer of standard output; Python would try to write it at the end."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Output):
        raw.given_up = True


def _fill(number: int) -> None:
    """Open a closed standard stream, so that the next file opened does not get its number."""
    try:
        os.fstat(number)
    except OSError:
        # Standard output for reading only, so that writing fails as it does where it is closed.
        os.open(os.devnull, os.O_WRONLY if number == STDERR else os.O_RDONLY)


def _stream(raw: io.FileIO, old: TextIO | None, *, messages: bool = False) -> io.TextIOWrapper:
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old else "utf-8",
        errors="backslashreplace" if messages or not old else old.errors,
        line_buffering=messages or raw.isatty(),
    )
