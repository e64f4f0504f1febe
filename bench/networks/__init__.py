"""The networks that grids may name: one file each, here or among a user's extensions."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from bench.extensions import Register
from bench.networks.model import Defaults, Network
from contract.architecture import Architecture, LayerShape

__all__ = ["NETWORKS", "Defaults", "Network", "layers_of"]

NETWORKS = Register(Network, "NETWORK", sys.modules[__name__])


def layers_of(train: Mapping[str, Any], dataset: Mapping[str, Any]) -> tuple[LayerShape, ...]:
    """The layers with weights of a training, from its spec and that of its data set."""
    channels, size = dataset["shape"][0], train["image_size"]
    architecture = Architecture.from_json(train["architecture"])
    return architecture.shapes((channels, size, size), dataset["classes"])
