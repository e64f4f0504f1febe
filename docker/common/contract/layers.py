"""The layers of a network, as far as the specs tell."""

from __future__ import annotations

import json
from functools import lru_cache

from contract.architecture import Architecture, LayerShape, Shape
from contract.stage import Specs
from contract.stages.dataset import resized


def layers_of(specs: Specs) -> tuple[LayerShape, ...] | None:
    """The layers with weights; None where only a worker can read the network or its data."""
    train, dataset = specs.get("train"), specs.get("dataset")
    if train is None or dataset is None or train["architecture"] is None:
        return None
    if not dataset["classes"]:
        return None
    image = resized(tuple(dataset["shape"]), train["image_size"])
    return _layers(json.dumps(train["architecture"]), image, dataset["classes"])


@lru_cache
def _layers(architecture: str, image: Shape, classes: int) -> tuple[LayerShape, ...]:
    """Thousands of points share a network."""
    return Architecture.from_json(json.loads(architecture)).shapes(image, classes)
