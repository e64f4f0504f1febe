"""The `model` stage: keep a model of the user's, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from contract.stage import GIB, Cost, Scope, Stage

FILE = "model.onnx"
"""What the stage calls the file, whatever the user does."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """Which file.

    Attributes:
        file_sha256: Of its content.
        file_bytes: Its size.
    """

    file_sha256: str
    file_bytes: int


STAGE = Stage(
    name="model",
    summary="keep the model",
    environment="host",
    entry="bench.models.keep:keep",
    spec=ModelSpec,
    scope=Scope.TRAINING,
    sources=("bench/models/keep.py", "bench/input/given.py"),
    cost=Cost(seconds=0.2, memory=GIB // 16, disk=1_000_000),
    files={"models": ("files/*.onnx",)},
)
