"""How much two values of one column may differ by, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bench.words import Origin

CsvRow = Mapping[str, str]

# Hundreds of accuracies are compared at once: 2 would be exceeded by chance alone.
STANDARD_ERRORS = 3.0
BOARD_RATIO = 0.1
WIDTH_RATIO = 0.1
SYNTHESIS_RATIO = 0.05
FLOAT_RATIO = 1e-9


class Rule(StrEnum):
    """How two values are compared."""

    EXACT = "exact"
    RATIO = "ratio"
    """Of the larger."""
    ABSOLUTE = "absolute"
    SAMPLING = "sampling"
    """By the number of images that an accuracy is a mean over."""
    MEASURED = "measured"
    """Exact unless a real board has part in it."""
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far apart two values may be.

    Attributes:
        rule: How they are compared.
        why: The reason, for people.
        amount: Of `RATIO` and `ABSOLUTE`.
        images: Column with the number of images, of `SAMPLING`.
    """

    rule: Rule
    why: str
    amount: float = 0.0
    images: str | None = None

    def __str__(self) -> str:
        amounts = {Rule.RATIO: f" {self.amount:.0%}", Rule.ABSOLUTE: f" {self.amount:g}"}
        return f"{self.rule}{amounts.get(self.rule, '')}: {self.why}"

    def allowed(self, row_a: CsvRow, row_b: CsvRow, column: str) -> float:
        """The difference that is within tolerance between two rows' numbers in `column`.

        Raises:
            ValueError: A value that it depends on is not a number, or there are no images.
        """
        a, b = float(row_a[column]), float(row_b[column])
        largest = max(abs(a), abs(b))
        match self.rule:
            case Rule.RATIO:
                return self.amount * largest
            case Rule.ABSOLUTE:
                return self.amount
            case Rule.SAMPLING:
                errors = _standard_error(a, b, self._images(row_a), self._images(row_b))
                return STANDARD_ERRORS * errors
            case Rule.MEASURED if {_where(row_a), _where(row_b)} != {Origin.EMULATED_BOARD}:
                return BOARD_RATIO * largest
        return FLOAT_RATIO * largest

    def _images(self, row: CsvRow) -> float:
        assert self.images is not None, "an accuracy is a mean over images"
        images = float(row[self.images]) if self.images in row else math.nan
        if not images >= 1:
            raise ValueError(f"{self.images} is {images}")
        return images


def _where(row: CsvRow) -> str:
    return row.get("measured_on", "")


def _standard_error(a: float, b: float, images_a: float, images_b: float) -> float:
    """Of the difference of two fractions, each a mean over its images."""
    variance = a * (1 - a) / images_a + b * (1 - b) / images_b
    return math.sqrt(max(variance, 0.0))


def exact(why: str) -> Tolerance:
    """Equal, but for the last digits of a float."""
    return Tolerance(rule=Rule.EXACT, why=why)


def not_compared(why: str) -> Tolerance:
    """Any two values are alike."""
    return Tolerance(rule=Rule.NOT_COMPARED, why=why)


def sampling(images: str, over: str) -> Tolerance:
    """By the standard error of accuracies over as many images as the column `images` says."""
    why = f"{STANDARD_ERRORS:g} standard errors (of a mean over {over})"
    return Tolerance(rule=Rule.SAMPLING, why=why, images=images)


def ratio(amount: float, why: str) -> Tolerance:
    """Within `amount` of the larger, as a fraction."""
    return Tolerance(rule=Rule.RATIO, why=why, amount=amount)


UNKNOWN = exact("a column that this version does not know")
SETTING = exact("a setting, or what follows from one")
MODEL = exact("the model gives the same for the same design")
CYCLES = exact("the RTL is simulated cycle for cycle")
# Accumulators and thresholds are as wide as the weights need: trainings that differ in a few of
# them differ in LUTs by some percent (591 for 560 was seen for w4a4).
WIDTHS = ratio(WIDTH_RATIO, "widths inside the design follow the trained weights")
SYNTHESIS = ratio(SYNTHESIS_RATIO, "Vivado's heuristics change with its version")
MEASURED = Tolerance(
    rule=Rule.MEASURED,
    why="exact between emulated boards; 10% where a real one's driver and memory count",
)
PLACE = not_compared("says where or with what it ran, not what came out")
PROSE = not_compared("prose; the status is compared")
