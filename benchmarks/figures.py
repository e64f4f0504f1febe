"""What was timed, and how it is shown."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One thing timed several times.

    Attributes:
        what: Name for people.
        unit: Of the values.
        values: As measured.
        wanted: What to reach; None where there is no goal.
        at_most: Whether smaller is better.
    """

    what: str
    unit: str
    values: Sequence[float]
    wanted: float | None = None
    at_most: bool = True

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median is what was wanted."""
        if self.wanted is None:
            return None
        return self.median <= self.wanted if self.at_most else self.median >= self.wanted

    def as_json(self) -> dict[str, Any]:
        """All of it, with the spread."""
        spread = {"median": self.median, "min": min(self.values), "max": max(self.values)}
        return asdict(self) | spread | {"reached": self.reached}

    def as_line(self) -> str:
        """A row of a Markdown table: what, median, spread, times, what to reach."""
        goal = ""
        if self.wanted is not None:
            sign = "at most" if self.at_most else "at least"
            goal = f"{sign} {self.wanted:g}: {'yes' if self.reached else 'NO'}"
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}"
        unit = self.unit if self.unit == "%" else f" {self.unit}"
        values = f"{self.median:.3g}{unit} | {spread} | {len(self.values)}"
        return f"| {self.what} | {values} | {goal} |"
