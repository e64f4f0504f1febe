"""What a search for a folding is to find: "fastest", "smallest:1024", "balanced"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

PUMPED = "pumped"
"""DSP slices at twice the clock: a search may count them, and nothing here builds them."""

DEFAULT_SHARE = 0.85
WRITTEN = 'Write "fastest", "smallest:II" with the cycles per image, or "balanced".'
_MOST_DIGITS = 15


class Kind(Enum):
    """What a design is chosen by."""

    FASTEST = "fastest"
    SMALLEST = "smallest"
    BALANCED = "balanced"


GOALS: tuple[str, ...] = tuple(f"{k.value}:II" if k is Kind.SMALLEST else k.value for k in Kind)
"""As messages name them."""


@dataclass(frozen=True)
class Goal:
    """What is searched for.

    Attributes:
        kind: The fastest design that fits; the smallest that is fast enough; or that of the most
            images for what it takes.
        interval: Cycles per image that are fast enough; None where any are.
    """

    kind: Kind
    interval: int | None = None

    def __str__(self) -> str:
        """As it is written."""
        return self.kind.value if self.interval is None else f"{self.kind.value}:{self.interval}"


class NoGoalError(ValueError):
    """Text that is no goal, though it begins like one."""


def goal_of(text: str) -> Goal | None:
    """The goal that `text` is; None where it is none, but perhaps the name of a folding.

    Raises:
        NoGoalError: It begins like a goal and is none: what is wrong with it.
    """
    name, colon, interval = text.partition(":")
    kinds = {kind.value: kind for kind in Kind}
    if name not in kinds:
        return None
    kind = kinds[name]
    if kind is not Kind.SMALLEST:
        if colon:
            raise NoGoalError(f"'{text}' gives an interval, which only 'smallest' has")
        return Goal(kind)
    if not re.fullmatch(rf"[1-9][0-9]{{0,{_MOST_DIGITS - 1}}}", interval):
        raise NoGoalError(
            f"'{text}' gives no interval: a whole number of cycles, from 1 up, without leading "
            f"zeros, of at most {_MOST_DIGITS} digits"
        )
    return Goal(kind, int(interval))
