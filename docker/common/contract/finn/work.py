"""How much an accelerator is to simulate, as far as the specs tell.

Each of its streams is work in each cycle: as many cycles of CNV, with 41 streams, take four times
as long as those of TFC, with 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract.finn.cycles import cycles_per_image
from contract.layers import layers_of, weights
from contract.stage import Specs

SECONDS = 2e-8
"""For a stream in a cycle: 5 million cycles of TFC a second, 1.2 million of CNV."""
BYTES_OF_COMPILED_WEIGHT = 70
BYTES_OF_BUILT_WEIGHT, BYTES_OF_STREAM = 12.6, 50_000
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


def bits(specs: Specs) -> float:
    """Of a weight, on average; of networks that only a worker can read, 4."""
    network = specs.get("train") or specs.get("draft") or {}
    widths = network.get("weight_bits")
    if not widths:
        return 4.0
    return float(widths) if isinstance(widths, int) else sum(widths) / len(widths)


def generated(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """Layers in hardware, and the weights that streamlining moves: a layer's worth 50,000."""
    return streams(specs) + weights(specs) / 50_000


def memory(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """Of a compilation up to the folding, besides the programs."""
    return BYTES_OF_COMPILED_WEIGHT * weights(specs)


def disk(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """Of a compiled design: three models, the files of memories, and thresholds."""
    return BYTES_OF_BUILT_WEIGHT * weights(specs) + BYTES_OF_STREAM * streams(specs)


def products(specs: Specs) -> float:
    """Multiplications of an image; of layers that are not known, LeNet5's."""
    layers = layers_of(specs)
    if layers is None:
        return 652_000.0
    return float(sum(layer.inputs * layer.outputs * layer.pixels for layer in layers))


def of_images(images: int, specs: Specs) -> float:
    """Cycles in which so many images are simulated, for each stream."""
    return images * cycles_per_image(specs) * streams(specs)
