"""Ties: values on a rounding boundary, which two right computations may round to different sides.

torch and QONNX round a value half way between two steps of a quantizer to the even one; a threshold
of FINN's takes it for the upper one (>=). And a value closer to a boundary than float32 is exact
may fall to either side of it. Nothing else may make an accelerator differ from torch.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.modelwrapper import ModelWrapper

from contract import outcome
from contract.outcome import Predictions
from finn_worker.verification import Floats, execute

# A value this close to a boundary counts as a tie, as a share of half the quantizer's range, that
# is of 2**(bits - 1) steps: float32 is off by a share of a value. Over 1,000 images of MNIST, TFC's
# pre-activations are up to 4e-6 steps off at 2 bits, 3e-5 at 4 and 6e-4 at 8, 5e-6 of that half at
# most. Both of the computations that are compared may be off, and larger networks by some more.
TIE = 2.0**-16
QUANTIZERS = frozenset({"BipolarQuant", "IntQuant", "MultiThreshold", "Quant"})
# Images at a time.
BATCH = 500


def outcomes(model: ModelWrapper, images: Floats) -> list[Floats]:
    """Logits [N, C] with ties rounded as QONNX does, all upwards, and all downwards.

    Args:
        model: As exported.
        images: [N, F].
    """
    return [execute(_shifted(model, shift), images) for shift in (0.0, TIE, -TIE)]


def explained(
    model: ModelWrapper, images: Floats, torch: Predictions, accelerator: Predictions
) -> npt.NDArray[np.bool_]:
    """Whether ties explain that an image is of one class to torch, of another to the accelerator.

    Both have to be what the exported model takes the image for, one way or the other of rounding
    its ties. So images that are not those that torch saw are never explained. Of values, it is
    enough that ties decide them: which of several ties fell to which side, nobody can tell.

    Args:
        model: As exported.
        images: [N, F] or [N, C, H, W].
        torch: Predictions.
        accelerator: Predictions.
    """
    found = [np.zeros(0, np.bool_)]
    of = _of_classes if outcome.kind_of(torch) == "classes" else _of_values
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        found.append(of(outcomes(model, images[part]), torch[part], accelerator[part]))
    return np.concatenate(found)


def _of_classes(
    logits: Sequence[Floats], torch: Predictions, accelerator: Predictions
) -> npt.NDArray[np.bool_]:
    possible = np.any([_largest(each) for each in logits], axis=0)
    rows = np.arange(len(possible))
    return np.asarray(possible[rows, torch] & possible[rows, accelerator])


def _of_values(
    logits: Sequence[Floats], torch: Predictions, _: Predictions
) -> npt.NDArray[np.bool_]:
    theirs = np.any([~outcome.differing(each, torch) for each in logits], axis=0)
    first, *others = logits
    return np.asarray(theirs & np.any([outcome.differing(each, first) for each in others], axis=0))


def _largest(logits: Floats) -> npt.NDArray[np.bool_]:
    """[N, C]: the classes whose logit is the largest, or as good as that."""
    return np.asarray(logits >= logits.max(axis=1, keepdims=True) - outcome.slack(logits))


def _activation_quantizers(model: ModelWrapper) -> Iterator[Any]:
    """Those that take fractions: whole numbers are compared exactly."""
    for node in model.graph.node:
        constant = model.get_initializer(node.input[0]) is not None
        exact = model.get_tensor_datatype(node.input[0]).is_integer()
        if node.op_type in QUANTIZERS and not constant and not exact:
            yield node


def _shifted(model: ModelWrapper, share: float) -> ModelWrapper:
    """A copy whose activations are moved before they are rounded, by a share as `TIE` is one."""
    if not share:
        return model
    model = copy.deepcopy(model)
    for index, node in enumerate(list(_activation_quantizers(model))):
        source, moved, amount = node.input[0], f"moved_{index}", f"moved_by_{index}"
        model.set_initializer(amount, np.asarray(share * _half_range(node, model), np.float32))
        model.graph.node.append(helper.make_node("Add", [source, amount], [moved]))
        model.set_tensor_shape(moved, model.get_tensor_shape(source), TensorProto.FLOAT)
        node.input[0] = moved
    return model


def _half_range(node: Any, model: ModelWrapper) -> Any:
    """Of what a quantizer takes, for each channel or for all."""
    scale = model.get_initializer(node.input[1])
    if node.op_type == "MultiThreshold":  # its thresholds
        return float(np.abs(scale).max()) or 1.0
    bits = 1.0 if node.op_type == "BipolarQuant" else float(model.get_initializer(node.input[3]))
    return 2.0 ** (bits - 1) * scale
