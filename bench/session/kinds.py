"""Types of values on the command line, checked more strictly than by click."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import click

from bench.console.text import excerpt, printable
from bench.input.names import HOST, IPV6

_Parameter = click.Parameter | None
_Context = click.Context | None
_SCHEDULER = re.compile(rf"(?:(?:tcp|tls|ucx|wss?)://)?(?:{HOST}|\[{IPV6}\]):[0-9]{{1,5}}")
_LONGEST_PART, _LONGEST_PATH = 255, 4000  # bytes, on Linux


class PathKind(click.Path):
    """A path of UTF-8 without control characters that is not too long for the file system."""

    def __init__(self, *, exists: bool = False, dir_okay: bool = True) -> None:
        super().__init__(path_type=Path, exists=exists, dir_okay=dir_okay)

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> Path:
        text = str(value)
        if not text:
            self.fail("the path is empty.", param, ctx)
        if printable(text) != text or {"\n", "\t"} & set(text):
            what = "has a control character, or bytes that are not UTF-8."
            self.fail(f"'{printable(text[:200])}' {what}", param, ctx)
        parts = [len(part.encode()) for part in text.split("/")]
        if max(parts) > _LONGEST_PART or sum(parts) + len(parts) > _LONGEST_PATH:
            self.fail(f"'{text[:50]}...' is too long for a path.", param, ctx)
        return Path(os.fsdecode(super().convert(text, param, ctx)))


class Finite(click.FloatRange):
    """A number in a range, neither infinite nor `nan`."""

    def convert(self, value: Any, param: _Parameter, ctx: _Context) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"'{value}' is not a finite number.", param, ctx)
        return number


class SchedulerAddress(click.ParamType[str]):
    """The address of a Dask scheduler: protocol, host, port."""

    name = "ADDRESS"

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> str:
        text = str(value)
        if _SCHEDULER.fullmatch(text):
            return text
        shown = excerpt(text, 100)
        return self.fail(f"'{shown}' is not an address such as tcp://host:8786.", param, ctx)


class Jobs(click.ParamType[int | None]):
    """A whole number, or `auto`, which is None."""

    name = "N|auto"

    def __init__(self, most: int) -> None:
        self._most = most

    def convert(self, value: object, param: _Parameter, ctx: _Context) -> int | None:
        if value is None or value == "auto":
            return None
        text = str(value)
        # Python refuses to convert thousands of digits.
        if text.isdecimal() and len(text) <= len(str(self._most)) and 1 <= int(text) <= self._most:
            return int(text)
        shown = printable(text[:50])
        return self.fail(
            f"'{shown}' is neither 'auto' nor a number from 1 to {self._most}.", param, ctx
        )
