"""The vocabulary of all parts: states of stages, origins of numbers, precisions.

Files hold these words as they are spelled here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

FLOAT = "float"
AS_GIVEN = "as given"
"""The bit widths of a model that is given."""


class Status(StrEnum):
    """The state of a stage or a point; from the best to the worst."""

    DONE = "done"
    SKIPPED = "skipped"
    """Something that it needs is not available on this machine."""
    MISSING = "missing"
    """It has not run yet."""
    INFEASIBLE = "infeasible"
    """A finding: the design cannot exist as asked."""
    FAILED = "failed"
    WRONG = "wrong"
    """A finding: the design computes something else than the trained model."""

    @property
    def severity(self) -> int:
        """The larger, the worse."""
        return list(Status).index(self)

    @property
    def is_finding(self) -> bool:
        """Whether the store keeps it as a result."""
        return self in FINDINGS


FINDINGS = (Status.DONE, Status.INFEASIBLE, Status.WRONG)
NOT_DONE = (Status.INFEASIBLE, Status.FAILED, Status.SKIPPED, Status.MISSING)
"""What a report lists as not done; a wrong design has a section of its own."""


@dataclass(frozen=True, kw_only=True)
class State:
    """How a point, or one stage of it, ended.

    Attributes:
        stage: The stage that stopped it; None where it is done.
        reason: Why; for a point that is done, how it differs from what was asked for.
    """

    status: Status
    stage: str | None = None
    reason: str | None = None

    def __str__(self) -> str:
        return f"{self.status}: {self.stage}" if self.stage else str(self.status)


class Origin(StrEnum):
    """The source of a number, from the experiment file to hardware."""

    GIVEN = "given"
    TRAINED = "trained"
    EXECUTED = "executed"
    """By executing a model that is given, as it is."""
    ESTIMATED = "estimated"
    RTL_SIM = "rtl-sim"
    MEASURED = "measured"
    """Of a column whose rows are each one of the next two, as `measured_on` says."""
    EMULATED_BOARD = "emulated-board"
    BOARD = "board"
    MAPPED = "mapped"
    """By open synthesis of the generated RTL, layer by layer."""
    SYNTHESIZED = "synthesized"
    ARITHMETIC = "arithmetic"
    """Calculated from other numbers for a design that nobody has built or simulated."""
    STORE = "store"

    @property
    def is_of_the_running_design(self) -> bool:
        """Whether such a number comes from running or building the design."""
        return self in _RUNNING


_RUNNING = (
    Origin.RTL_SIM, Origin.MEASURED, Origin.EMULATED_BOARD, Origin.BOARD, Origin.SYNTHESIZED,
)  # fmt: skip

BitWidths = int | tuple[int, ...]
"""One number for all layers, or one for each; 0 where nothing is quantized."""


def widths_label(widths: BitWidths) -> str:
    """Such as `4`, `8-2-2-8`, `float`."""
    return "-".join(map(str, widths)) if isinstance(widths, tuple) else str(widths or FLOAT)


def parse_widths(value: object) -> BitWidths:
    """Bit widths from a number, a sequence of numbers or a label.

    Raises:
        ValueError: `value` is something else.
    """
    if isinstance(value, tuple | list):
        return tuple(int(width) for width in value)
    text = str(value)
    if text == FLOAT:
        return 0
    widths = tuple(int(width) for width in text.split("-"))
    return widths if len(widths) > 1 else widths[0]


def widths_order(widths: BitWidths) -> tuple[float, bool, str]:
    """A key to sort by: their mean, numbers before lists of one per layer, float last."""
    several = widths if isinstance(widths, tuple) else (widths,)
    mean = sum(several) / len(several) if widths else float("inf")
    return mean, len(several) > 1, widths_label(widths)


_LABEL = re.compile(r"w([0-9]+(?:-[0-9]+)*)a([0-9]+(?:-[0-9]+)*)")


@dataclass(frozen=True)
class Precision:
    """Bit widths of weights and activations."""

    weights: BitWidths
    activations: BitWidths

    @classmethod
    def of(cls, weights: object, activations: object) -> Precision:
        """The precision of two values in the forms that `parse_widths` takes."""
        return cls(parse_widths(weights), parse_widths(activations))

    @classmethod
    def parse(cls, label: str) -> Precision:
        """The reverse of `label`.

        Raises:
            ValueError: `label` is not the label of a precision.
        """
        if label == FLOAT:
            return cls(0, 0)
        widths = _LABEL.fullmatch(label)
        if widths is None:
            raise ValueError(label)
        return cls.of(widths[1], widths[2])

    @cached_property
    def label(self) -> str:
        """Such as `w2a4`, `w8-2-2-8a4`, `float`."""
        if not self.weights:
            return FLOAT
        return f"w{widths_label(self.weights)}a{widths_label(self.activations)}"

    def __str__(self) -> str:
        return self.label

    def __lt__(self, other: Precision) -> bool:
        return self._order < other._order

    @cached_property
    def _order(self) -> tuple[tuple[float, bool, str], ...]:
        return widths_order(self.weights), widths_order(self.activations)
