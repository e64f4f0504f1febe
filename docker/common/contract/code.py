"""A network that a Python file of the user's builds: only a worker runs it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Code:
    """A Python file, and the function in it that returns a network.

    Attributes:
        file: Its name, for people.
        text: All of it.
        function: Of its top level.
    """

    file: str
    text: str
    function: str

    @classmethod
    def from_json(cls, data: Any) -> Code:
        """The reverse of `dataclasses.asdict`; raises `ValueError` for anything else."""
        try:
            return cls(**{name: _text(value) for name, value in data.items()})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"is no Python file: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
