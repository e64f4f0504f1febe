"""The layers of a network, as far as the specs tell."""

from __future__ import annotations

import json
from functools import lru_cache

from contract.architecture import Architecture, LayerShape, Shape
from contract.stage import Specs
from contract.stages.dataset import resized

UNKNOWN_WEIGHTS = 61_470.0
"""Guessed where nothing tells of them: LeNet5's."""
BYTES_OF_WEIGHT = 4
"""In a checkpoint and in a model."""


def layers_of(specs: Specs) -> tuple[LayerShape, ...] | None:
    """The layers with weights; None where only a worker can read the network or its data."""
    network = specs.get("train") or specs.get("draft")
    # A draft has no data set, but knows what it has to know of one.
    data = specs.get("dataset") or specs.get("draft")
    if network is None or data is None or network["architecture"] is None:
        return None
    if not data["classes"]:
        return None
    image = resized(tuple(data["shape"]), network["image_size"])
    return _layers(json.dumps(network["architecture"]), image, data["classes"])


def weights(specs: Specs) -> float:
    """How many weights the network has; of a model that is given, as its file's size tells."""
    layers = layers_of(specs)
    if layers is not None:
        return float(sum(layer.inputs * layer.outputs for layer in layers))
    model = specs.get("model")
    return UNKNOWN_WEIGHTS if model is None else float(model["file_bytes"]) / BYTES_OF_WEIGHT


@lru_cache
def _layers(architecture: str, image: Shape, classes: int) -> tuple[LayerShape, ...]:
    """Thousands of points share a network."""
    return Architecture.from_json(json.loads(architecture)).shapes(image, classes)
