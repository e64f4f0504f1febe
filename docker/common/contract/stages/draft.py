"""The `draft` stage: a network with random weights, exported, so that it can be looked at early."""

from __future__ import annotations

from dataclasses import dataclass

from contract.stage import GIB, Cost, Scope, Stage
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


STAGE = Stage(
    name="draft",
    summary="export the network untrained",
    environment="train",
    entry="train_worker.draft:draft",
    spec=DraftSpec,
    scope=Scope.NETWORK,
    table="train",
    cost=Cost(seconds=5, memory=GIB // 2, disk=400_000),
    files={"models": ("files/*.onnx",)},
)
