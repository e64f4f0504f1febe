"""What two results may differ by, column by column, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bench.boards import MEASURED_ON
from bench.datasets import DATASETS

Row = Mapping[str, str]

# What a row is: two rows with the same values here are of the same experiment.
IDENTITY = ("network", "dataset", "weight_bits", "act_bits", "folding", "seed", "board")

# Hundreds of accuracies are compared at once: 2 would be exceeded by chance alone.
STANDARD_ERRORS = 3.0
BOARD_RATIO = 0.1
WIDTH_RATIO = 0.1
SYNTHESIS_RATIO = 0.05
POWER_RATIO = 0.15
SLACK_NS = 0.5
FLOAT_RATIO = 1e-9


@dataclass(frozen=True)
class Tolerance:
    """How far apart two values may be.

    Attributes:
        kind: `exact`; `ratio` of the larger; `absolute`; `sampling`, by images tested;
            `measured`, `exact` unless a real board has part in it; or `not compared`.
        why: The reason, for people.
        amount: Of `ratio` and `absolute`.
        images: Column with the number of images, of `sampling`; empty for the whole test set.
    """

    kind: str
    why: str
    amount: float = 0.0
    images: str = ""

    def allowed(self, one: Row, other: Row, column: str) -> float:
        """The difference that is within tolerance between two rows' numbers in `column`.

        Raises:
            ValueError: A value that it depends on is no number, or a number of images is none.
        """
        a, b = float(one[column]), float(other[column])
        largest = max(abs(a), abs(b))
        if self.kind == "ratio":
            return self.amount * largest
        if self.kind == "absolute":
            return self.amount
        if self.kind == "sampling":
            return STANDARD_ERRORS * _standard_error(a, b, self._images(one), self._images(other))
        if self.kind == "measured" and {_where(one), _where(other)} != {MEASURED_ON}:
            return BOARD_RATIO * largest
        return FLOAT_RATIO * largest

    def _images(self, row: Row) -> float:
        if not self.images and row["dataset"] not in DATASETS:
            raise ValueError(f"there is no data set {row['dataset']} here")
        tested = row[self.images] if self.images else DATASETS[row["dataset"]].test_images
        images = float(tested)
        if not images >= 1:
            raise ValueError(f"{self.images} is {images}")
        return images


def _where(row: Row) -> str:
    return row.get("measured_on", "")


def _standard_error(a: float, b: float, images_a: float, images_b: float) -> float:
    """Of the difference of two fractions, each a mean over its images."""
    variance = a * (1 - a) / images_a + b * (1 - b) / images_b
    return math.sqrt(max(variance, 0.0))


_SETTING = Tolerance("exact", "a setting, or what follows from one")
_MODEL = Tolerance("exact", "FINN's model gives the same for the same design")
# FINN makes accumulators and thresholds as wide as the weights need: trainings that differ in a
# few of them differ in LUTs by some percent (591 for 560 was seen for w4a4).
_WIDTHS = Tolerance("ratio", "widths inside the design follow the trained weights", WIDTH_RATIO)
_CYCLES = Tolerance("exact", "the RTL is simulated cycle for cycle")
_PLACE = Tolerance("not compared", "says where or by what, not what came out")
_CHANCE = Tolerance(
    "not compared",
    "chance has a part in ties; where they explain too little, the status says wrong",
)
_SYNTHESIS = Tolerance("ratio", "Vivado's heuristics change with its version", SYNTHESIS_RATIO)
_MEASURED = Tolerance(
    "measured", "exact between emulated boards; 10 % where a real one's driver and memory count"
)

# Durations are in no results; timing.json has them, and they are not compared.
TOLERANCES: dict[str, Tolerance] = {
    "experiment": _PLACE,
    "epochs": _SETTING,
    "clock_mhz": _SETTING,
    "part": _SETTING,
    "sim_images": _SETTING,
    "target_fps": _SETTING,
    "accuracy": Tolerance("sampling", "3 standard errors (of a mean over the test images)"),
    "sim_accuracy": Tolerance(
        "sampling", "3 standard errors (of a mean over those images)", images="sim_images"
    ),
    "best_epoch": Tolerance("not compared", "follows the noise of accuracies that are alike"),
    "agreeing_with_torch": _CHANCE,
    "torch_ties": _CHANCE,
    "bit_exact": Tolerance("exact", "the RTL computes what the model does, or it does not"),
    "ii_estimated": _MODEL,
    "lut": _WIDTHS,
    "bram18": _WIDTHS,
    "dsp": _MODEL,
    "fits": _MODEL,
    "estimated_variant": _MODEL,
    "lut_scope": _MODEL,
    "lut_uncharged": _MODEL,
    "matrix_layers": _MODEL,
    "dsp_instantiated": _MODEL,
    "pe_simd": _MODEL,
    "ii_simulated": _CYCLES,
    "ii_unsized": _CYCLES,
    "latency_cycles": _CYCLES,
    "unsized_deadlock": _CYCLES,
    "fifo_depth": _CYCLES,
    "fifo_bits": _WIDTHS,
    "fps_core": _CYCLES,
    "fps_measured": _MEASURED,
    "ii_measured": _MEASURED,
    "clock_measured_mhz": _MEASURED,
    "measured_on": _PLACE,
    "board_name": _PLACE,
    "runner": _PLACE,
    "reason": Tolerance("not compared", "prose; the status is compared"),
    "status": Tolerance("exact", "done, wrong, infeasible or failed, and at which stage"),
    "synthesis": Tolerance("not compared", "says whether there was a Vivado"),
    "lut_synth": _SYNTHESIS,
    "bram18_synth": _SYNTHESIS,
    "dsp_synth": _SYNTHESIS,
    "fmax_mhz": _SYNTHESIS,
    "wns_ns": Tolerance("absolute", "Vivado's heuristics change with its version", SLACK_NS),
    "power_w": Tolerance("ratio", "Vivado's own estimate, by version", POWER_RATIO),
}
UNKNOWN = Tolerance("exact", "a column that this version does not know")
