"""The names an experiment may use, and what the host must know of each.

Boards and their parts: FINN+ 1.6.1, `finn.util.basic.pynq_part_map`. Networks: the authors' code
(QDucasse/nn_benchmark), rewritten in docker/train.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

BIT_WIDTHS = range(2, 9)


@dataclass(frozen=True)
class LayerShape:
    """One matrix-vector layer: `inputs` (MW) columns and `outputs` (MH) rows."""

    inputs: int
    outputs: int
    pixels: int = 1

    def cycles(self, pe: int, simd: int) -> int:
        """Cycles per image, with so many outputs and inputs at once."""
        return self.inputs // simd * (self.outputs // pe)


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron with the given numbers of hidden features."""

    hidden: tuple[int, ...]

    def layers(self, image_size: int, classes: int) -> tuple[LayerShape, ...]:
        """Shapes of the layers that become MVAUs, for square one-channel images."""
        widths = (image_size * image_size, *self.hidden, classes)
        return tuple(LayerShape(*pair) for pair in itertools.pairwise(widths))


NETWORKS = {"TFC": Network(hidden=(64, 64, 64))}


@dataclass(frozen=True)
class DatasetShape:
    """How many classes a data set has, and how many images to train on and to test with."""

    classes: int
    train_images: int
    test_images: int


DATASETS = {
    "MNIST": DatasetShape(10, 60_000, 10_000),
    "Fashion-MNIST": DatasetShape(10, 60_000, 10_000),
}

BOARD_PARTS = {
    "AUP-ZU3_8GB": "xczu3eg-sfvc784-2-e",
    "KV260_SOM": "xck26-sfvc784-2LV-c",
    "Pynq-Z1": "xc7z020clg400-1",
    "Pynq-Z2": "xc7z020clg400-1",
    "RFSoC2x2": "xczu28dr-ffvg1517-2-e",
    "RFSoC4x2": "xczu48dr-ffvg1517-2-e",
    "Ultra96": "xczu3eg-sbva484-1-e",
    "Ultra96-V2": "xczu3eg-sbva484-1-i",
    "ZCU102": "xczu9eg-ffvb1156-2-e",
    "ZCU104": "xczu7ev-ffvc1156-2-e",
    "ZCU111": "xczu28dr-ffvg1517-2-e",
}
