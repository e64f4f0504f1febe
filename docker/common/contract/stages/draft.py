"""The `draft` stage: a network with random weights, exported, so that it can be looked at early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract import space
from contract.layers import weights
from contract.stage import GIB, Cost, Scope, Specs, Stage
from contract.stages.dataset import Quantization
from contract.stages.network import NetworkSpec


@dataclass(frozen=True, kw_only=True)
class DraftSpec(NetworkSpec):
    """A network for a data set, whatever it will be trained to.

    Attributes:
        shape, classes, quantization: Of the data set.
    """

    shape: tuple[int, int, int]
    classes: int
    quantization: Quantization


BYTES_OF_EXPORTED_WEIGHT = 40


def _weights(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    return weights(specs)


def _memory(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    return BYTES_OF_EXPORTED_WEIGHT * weights(specs)


STAGE = Stage(
    name="draft",
    summary="export the network untrained",
    environment="train",
    entry="train_worker.draft:draft",
    spec=DraftSpec,
    scope=Scope.NETWORK,
    table="train",
    # From TFC, 4 s and 0.35 GiB, to AlexNet, 10 s and 1.1 GiB; files of users' import more.
    cost=Cost(seconds=4, per_unit=3e-7, memory=GIB * 6 // 10, disk=20_000),
    amount=_weights,
    memory=_memory,
    disk=space.of_model,
    files={"models": ("files/*.onnx",)},
)
