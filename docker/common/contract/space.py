"""Bytes that artifacts take in the store, as the declarations of network and data set tell.

Measured on networks from TFC to VGG11 (docs/explanation/benchmarks.md): weights are 4 bytes in each
model, images a byte for each value, and neither is compressed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from contract.layers import BYTES_OF_WEIGHT, weights
from contract.stage import Specs
from contract.stages.dataset import resized

BYTES_OF_PREDICTION = 9
"""An image's class as it is predicted and as it is labelled."""


def of_model(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """A network's weights."""
    return BYTES_OF_WEIGHT * weights(specs)


def of_export(spec: Mapping[str, Any], specs: Specs) -> float:
    """The model, the test images as it takes them, the first ones once more, and predictions."""
    data, train = specs.get("dataset"), specs.get("train")
    model = of_model(spec, specs)
    if data is None:
        return model  # and a few random images
    shape = tuple(data["shape"])
    pixels = math.prod(resized(shape, train["image_size"]) if train else shape)
    images: int = data["test_images"]
    golden: int = min(images, spec["golden_images"])
    return model + pixels * (images + golden) + BYTES_OF_PREDICTION * images
