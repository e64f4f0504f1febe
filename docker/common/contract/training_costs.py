"""What it takes to train and to evaluate a network, as its layers tell.

Measured on one processor, networks from TFC to VGG11 and batches of 100 (docs/explanation/
benchmarks.md). Time is counted in multiplications.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contract.architecture import LayerShape
from contract.layers import layers_of
from contract.stage import Specs
from contract.stages.dataset import resized

SECONDS_PER_MULTIPLICATION = 6e-11
"""Of a forward pass, its backward pass included."""
PER_VALUE = 230
"""Multiplications in the time of one value: normalizing, quantizing, and both backwards."""
PER_PARAMETER = 130
"""Likewise of a parameter in each step: quantizing it, and Adam."""
EVALUATION = 0.5
"""Of the time of a training image."""
BYTES_PER_VALUE, BYTES_PER_PARAMETER = 40, 58
EVALUATED_AT_ONCE = 100
BYTES_PER_EVALUATED_VALUE = 8
UNKNOWN_PRODUCTS = 5_000_000
UNKNOWN_VALUES, UNKNOWN_PARAMETERS = 100_000, 1_000_000
"""Of a network that only a worker can read: between LeNet5 and CNV."""


def multiplications(spec: Mapping[str, Any], specs: Specs) -> float:
    """The time of a training, evaluations included."""
    products, values, parameters = _sizes(layers_of(specs))
    data = specs["dataset"]
    images = spec["train_images"] or data["train_images"]
    each = products + PER_VALUE * values
    steps = images / spec["batch_size"]
    seen = images + EVALUATION * data["test_images"]
    epoch = float(seen) * each + float(steps) * PER_PARAMETER * parameters
    return float(spec["epochs"]) * epoch


def training_bytes(spec: Mapping[str, Any], specs: Specs) -> float:
    """Memory of a training beyond the program: images, a batch's values, parameters."""
    _, values, parameters = _sizes(layers_of(specs))
    batch: float = spec["batch_size"] * values * BYTES_PER_VALUE
    return (
        _images(specs, ("train_images", "test_images")) + batch + BYTES_PER_PARAMETER * parameters
    )


def evaluation_bytes(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """Memory of an export beyond the program."""
    _, values, parameters = _sizes(layers_of(specs))
    batch = EVALUATED_AT_ONCE * values * BYTES_PER_EVALUATED_VALUE
    return _images(specs, ("test_images",)) + batch + BYTES_PER_PARAMETER * parameters


def _sizes(layers: Sequence[LayerShape] | None) -> tuple[float, float, float]:
    """Multiplications and values per image, and parameters."""
    if layers is None:
        return UNKNOWN_PRODUCTS, UNKNOWN_VALUES, UNKNOWN_PARAMETERS
    return (
        float(sum(layer.inputs * layer.outputs * layer.pixels for layer in layers)),
        float(sum(layer.outputs * layer.pixels for layer in layers)),
        float(sum(layer.inputs * layer.outputs for layer in layers)),
    )


def _images(specs: Specs, halves: Sequence[str]) -> float:
    """Bytes of images as they are stored, and as they are trained on."""
    data = specs["dataset"]
    channels, height, width = data["shape"]
    _, *size = resized((channels, height, width), specs["train"]["image_size"])
    pixels = channels * (height * width + size[0] * size[1])
    return float(pixels * sum(data[half] for half in halves))
