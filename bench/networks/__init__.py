"""The networks that grids may name: one file each, here or among a user's extensions."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Mapping
from typing import Any

from bench.extensions import Register
from bench.networks.model import Defaults, Network
from contract.architecture import Architecture, LayerShape, Shape

__all__ = ["NETWORKS", "Defaults", "Network", "layers_of"]

NETWORKS = Register(Network, "NETWORK", sys.modules[__name__])


def layers_of(train: Mapping[str, Any], dataset: Mapping[str, Any]) -> tuple[LayerShape, ...]:
    """The layers with weights of a training, from its spec and that of its data set."""
    image = dataset["shape"][0], train["image_size"], train["image_size"]
    return _shapes(json.dumps(train["architecture"]), image, dataset["classes"])


@functools.lru_cache
def _shapes(architecture: str, image: Shape, classes: int) -> tuple[LayerShape, ...]:
    """Thousands of trainings of a plan share a network."""
    return Architecture.from_json(json.loads(architecture)).shapes(image, classes)
