"""The `model` stage: keep a model of the user's, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.stage import GIB, Cost, Scope, Specs, Stage

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


def _file_bytes(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    return float(spec["file_bytes"])


STAGE = Stage(
    name="model",
    summary="keep the model",
    environment="host",
    entry="bench.models.keep:keep",
    spec=ModelSpec,
    scope=Scope.TRAINING,
    sources=("bench/models/keep.py", "bench/input/given.py"),
    cost=Cost(seconds=0.2, memory=GIB // 16, disk=2_000),
    disk=_file_bytes,
    files={"models": ("files/*.onnx",)},
)
