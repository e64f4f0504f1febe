"""What stays on the host: the scale and bias after the last layer.

The BatchNorm after the last MatMul is per channel, so it cannot be dropped, and the accelerator
ends with integer accumulators. One multiply-add per class turns them into logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from stagekit import StageError
from stagekit.arrays import save_npz

HARDWARE = "finn.custom_op.fpgadataflow"

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Postprocess:
    """logits = scale * accelerator output + bias, in float32.

    Attributes:
        scale: [C].
        bias: [C].
    """

    scale: Floats
    bias: Floats

    def __call__(self, outputs: Floats) -> Floats:
        """Logits [N, C] of accelerator outputs [N, C]."""
        return self.scale * outputs.astype(np.float32) + self.bias

    def save(self, path: Path) -> None:
        """Write it as an .npz with the arrays `scale` and `bias`."""
        save_npz(path, scale=self.scale, bias=self.bias)


def check_operators(model: ModelWrapper) -> None:
    """Whether all but the host's share of the model has become hardware layers.

    Raises:
        StageError: Names the operators that are left.
    """
    tail = _tail(model)
    left = [
        node
        for node in model.graph.node
        if not node.domain.startswith(HARDWARE) and node.name not in {n.name for n in tail}
    ]
    if left:
        raise StageError(
            "No hardware layer was found for "
            + ", ".join(f"{node.op_type} ({node.name})" for node in left)
            + ".",
            "Supported are fully connected layers with quantized weights, each followed by a "
            "quantizer of at most 8 bits, and one scale and bias per class at the end.",
        )
    if not any(node.domain.startswith(HARDWARE) for node in model.graph.node):
        raise StageError(
            "The model has no layer with quantized weights.",
            "Export a quantized network.",
        )


def extract(model: ModelWrapper, classes: int) -> Postprocess:
    """The host's share of a model that `check_operators` accepts, for `classes` outputs."""
    scale = np.ones(classes, np.float32)
    bias = np.zeros(classes, np.float32)
    for node in _tail(model):
        values = np.broadcast_to(_constant(model, node).reshape(-1), (classes,))
        if node.op_type == "Mul":
            scale = values.astype(np.float32)
        else:
            bias = values.astype(np.float32)
    return Postprocess(scale, bias)


def _tail(model: ModelWrapper) -> list[Any]:
    """The final nodes that are at most one Mul and then one Add, each with a constant."""
    nodes = list(model.graph.node)
    tail: list[Any] = []
    for kind in ("Add", "Mul"):
        if nodes and nodes[-1].op_type == kind and _constant(model, nodes[-1]) is not None:
            tail.insert(0, nodes.pop())
    return tail


def _constant(model: ModelWrapper, node: Any) -> Any:
    values = [model.get_initializer(name) for name in node.input]
    return next((value for value in values if value is not None), None)
