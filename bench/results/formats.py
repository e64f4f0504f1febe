"""How the values of a column are written in tables for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.console.text import number_text
from bench.words import Status


@dataclass(frozen=True)
class Format:
    """Makes the text of a value.

    Attributes:
        text: Of a value that is there.
        numeric: Whether the column is aligned and sorted as numbers.
    """

    text: Callable[[Any], str]
    numeric: bool = True

    def __call__(self, value: Any) -> str:
        """The text of `value`; empty for None."""
        return "" if value is None else self.text(value)


WHOLE = Format("{:,.0f}".format)
NUMBER = Format(number_text)
CYCLES = Format("{:,.2f}".format)
PERCENT = Format("{:.2%}".format)
PLAIN = Format("{:g}".format)
ID = Format(str)
"""A number that counts nothing: no commas."""
TEXT = Format(str, numeric=False)
# Capitals for what must not be overlooked.
NO = "NO"
YES_NO = Format(lambda value: "yes" if value else NO, numeric=False)
STATUS = Format(
    lambda value: str(value).upper() if value == Status.WRONG else str(value), numeric=False
)
