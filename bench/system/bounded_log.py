"""A log that stays small, whatever is printed: its beginning and its end are what is read."""

from __future__ import annotations

from collections import deque
from typing import IO, Self

PART = 4 << 20
"""Bytes of the beginning, and of the end."""


class BoundedLog:
    """Passes on the first bytes at once, and keeps the last ones of the rest until it is closed.

    Args:
        file: Where they go.
        part: Bytes of the beginning, and of the end.
    """

    def __init__(self, file: IO[bytes], part: int = PART) -> None:
        self._file = file
        self._part = part
        self._room = part
        self._end: deque[bytes] = deque()
        self._kept = self._left_out = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, data: bytes) -> None:
        """Take `data`."""
        first, rest = data[: self._room], data[self._room :]
        if first:
            self._file.write(first)
            self._room -= len(first)
        if not rest:
            return
        self._end.append(rest)
        self._kept += len(rest)
        while self._kept - len(self._end[0]) >= self._part:
            self._left_out += len(self._end[0])
            self._kept -= len(self._end.popleft())

    def flush(self) -> None:
        """Write what has been passed on."""
        self._file.flush()

    def close(self) -> None:
        """Write the end, after a line that says what is left out; `file` stays open."""
        if self._left_out:
            said = (
                f"\n[... {self._left_out:,} bytes left out: a log keeps its first and last ...]\n"
            )
            self._file.write(said.encode())
        while self._end:
            self._file.write(self._end.popleft())
        self._kept = self._left_out = self._room = 0
        self._file.flush()
