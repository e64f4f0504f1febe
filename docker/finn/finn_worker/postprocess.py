"""What stays on the host: the scale and bias after the last layer.

The BatchNorm after the last MatMul is per channel, so it cannot be dropped, and the accelerator
ends with integer accumulators. One multiply-add per class turns them into logits.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from contract.arrays import save_npz
from finn_worker.unsupported import constant, tail

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


def extract(model: ModelWrapper, classes: int) -> Postprocess:
    """The host's share of a model that has passed `unsupported.check_converted`."""
    scale = np.ones(classes, np.float32)
    bias = np.zeros(classes, np.float32)
    for node in tail(model):
        values = np.broadcast_to(constant(model, node).reshape(-1), (classes,))
        if node.op_type == "Mul":
            scale = values.astype(np.float32)
        else:
            bias = values.astype(np.float32)
    return Postprocess(scale, bias)
