"""How much an accelerator is to simulate, as far as the specs tell.

Each of its streams is work in each cycle: as many cycles of CNV, with 41 streams, take four times
as long as those of TFC, with 11.
"""

from __future__ import annotations

from contract.finn.cycles import cycles_per_image
from contract.layers import layers_of
from contract.stage import Specs

SECONDS = 2e-8
"""For a stream in a cycle: 5 million cycles of TFC a second, 1.2 million of CNV."""
UNKNOWN_STREAMS = 20.0
"""Guessed where a network's layers are not known: LeNet5's."""
# A convolution has a generator of windows and converters of widths besides matrix and thresholds.
_OF_CONVOLUTION, _OF_MATRIX = 5.0, 2.5


def streams(specs: Specs) -> float:
    """About how many streams the accelerator has."""
    layers = layers_of(specs)
    if layers is None:
        return UNKNOWN_STREAMS
    return 1 + sum(_OF_CONVOLUTION if layer.pixels > 1 else _OF_MATRIX for layer in layers)


def weights(specs: Specs) -> float:
    """How many weights the network has; of those that are not known, LeNet5's."""
    layers = layers_of(specs)
    return 61_470.0 if layers is None else float(sum(la.inputs * la.outputs for la in layers))


def products(specs: Specs) -> float:
    """Multiplications of an image; of layers that are not known, LeNet5's."""
    layers = layers_of(specs)
    if layers is None:
        return 652_000.0
    return float(sum(layer.inputs * layer.outputs * layer.pixels for layer in layers))


def of_images(images: int, specs: Specs) -> float:
    """Cycles in which so many images are simulated, for each stream."""
    return images * cycles_per_image(specs) * streams(specs)
