"""Ties: values on a rounding boundary, which two right computations may round to different sides.

torch and QONNX round a value half way between two steps of a quantizer to the even one; a threshold
of FINN's takes it for the upper one (>=). And a value closer to a boundary than float32 is exact
may fall to either side of it. Nothing else may make an accelerator differ from torch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper

from finn_worker.verification import TOLERANCE, Floats, execute

# A value this close to a boundary counts as a tie, as a share of half the quantizer's range, that
# is of 2**(bits - 1) steps: float32 is off by a share of a value. Over 1,000 images of MNIST, TFC's
# pre-activations are up to 4e-6 steps off at 2 bits, 3e-5 at 4 and 6e-4 at 8, 5e-6 of that half at
# most. Both of the computations that are compared may be off, and larger networks by some more.
TIE = 2.0**-16
QUANTIZERS = frozenset({"Quant", "IntQuant", "BipolarQuant"})
# Images at a time.
BATCH = 500

Classes = npt.NDArray[np.int64]


def outcomes(model: ModelWrapper, images: Floats) -> list[Floats]:
    """Logits [N, C] with ties rounded as QONNX does, all upwards, and all downwards.

    Args:
        model: As exported.
        images: [N, F].
    """
    return [execute(_shifted(model, shift), images) for shift in (0.0, TIE, -TIE)]


def explained(
    model: ModelWrapper, images: Floats, torch: Classes, accelerator: Classes
) -> npt.NDArray[np.bool_]:
    """Whether ties explain that an image is of one class to torch, of another to the accelerator.

    Both have to be what the exported model takes the image for, one way or the other of rounding
    its ties. So images that are not those that torch saw are never explained.

    Args:
        model: As exported.
        images: [N, F].
        torch: [N], classes.
        accelerator: [N], classes.
    """
    found = [np.zeros(0, np.bool_)]
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        possible = np.any([_largest(each) for each in outcomes(model, images[part])], axis=0)
        rows = np.arange(len(possible))
        found.append(possible[rows, torch[part]] & possible[rows, accelerator[part]])
    return np.concatenate(found)


def _largest(logits: Floats) -> npt.NDArray[np.bool_]:
    """[N, C]: the classes whose logit is the largest, or as good as that."""
    span = float(np.ptp(logits)) or 1.0
    return np.asarray(logits >= logits.max(axis=1, keepdims=True) - TOLERANCE * span)


def _activation_quantizers(model: ModelWrapper) -> Iterator[Any]:
    for node in model.graph.node:
        if node.op_type in QUANTIZERS and model.get_initializer(node.input[0]) is None:
            yield node


def _shifted(model: ModelWrapper, share: float) -> ModelWrapper:
    """A copy whose activations are moved before they are rounded, by a share as `TIE` is one."""
    if not share:
        return model
    model = copy.deepcopy(model)
    for index, node in enumerate(list(_activation_quantizers(model))):
        source, moved, amount = node.input[0], f"moved_{index}", f"moved_by_{index}"
        scale = model.get_initializer(node.input[1])
        half = 2.0 ** (_bits(node, model) - 1)
        model.set_initializer(amount, np.asarray(share * half * scale, np.float32))
        model.graph.node.append(helper.make_node("Add", [source, amount], [moved]))
        model.set_tensor_shape(moved, model.get_tensor_shape(source), TensorProto.FLOAT)
        node.input[0] = moved
    return model


def _bits(node: Any, model: ModelWrapper) -> float:
    return 1.0 if node.op_type == "BipolarQuant" else float(model.get_initializer(node.input[3]))
