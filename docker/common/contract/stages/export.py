"""The `export` stage: from a checkpoint to QONNX, checked against torch image by image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from contract import space
from contract.fields import Key, Range
from contract.stage import GIB, Cost, Scope, Stage
from contract.training_costs import evaluation_bytes


@dataclass(frozen=True, kw_only=True)
class ExportSpec:
    """How to export."""

    golden_images: Annotated[
        int,
        Range(ge=100),
        Key(
            "Test images whose outputs every later form of the network is checked against.",
            counts="test",
        ),
    ] = 100


STAGE = Stage(
    name="export",
    summary="export to QONNX, check",
    environment="train",
    entry="train_worker.export:export",
    spec=ExportSpec,
    scope=Scope.TRAINING,
    needs=("train", "dataset"),
    cost=Cost(seconds=5, memory=GIB * 6 // 10, disk=20_000),
    memory=evaluation_bytes,
    disk=space.of_export,
    files={"models": ("files/*.onnx",), "golden": ("files/*.npz",)},
)
