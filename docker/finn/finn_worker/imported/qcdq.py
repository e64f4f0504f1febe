"""Quantizers as ONNX itself writes them: QuantizeLinear, a Clip, and DequantizeLinear.

The numbers between them are of 8 bits or more, whatever the Clip leaves of them. Where the zero
points are those of symmetric numbers, such as 128 of UINT8, it is a Quant without one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from finn_worker.imported import ranges
from finn_worker.imported.graph import constant, replace
from finn_worker.imported.ranges import Range

# Of biases, which become parts of thresholds: their values are taken.
WIDEST_WEIGHT_BYTES = 1


def settle(model: ModelWrapper) -> None:
    """Replace all that can be, in place; the others stay, and are refused by their names."""
    for node in model.get_nodes_by_op_type("DequantizeLinear"):
        numbers = model.get_initializer(node.input[0])
        scale, zero_point = _operands(model, node)
        if scale is None or zero_point is None:
            continue
        if numbers is not None:
            _constant(model, node, numbers - zero_point.astype(np.int64), scale)
        else:
            _quantizer(model, node, scale, zero_point)


def _constant(
    model: ModelWrapper, node: Any, numbers: npt.NDArray[Any], scale: npt.NDArray[np.float32]
) -> None:
    """Weights, of the fewest bits that hold them; or a bias."""
    values = (numbers * scale.astype(np.float64)).astype(np.float32)
    if model.get_initializer(node.input[0]).dtype.itemsize > WIDEST_WEIGHT_BYTES:
        model.graph.node.remove(node)
        model.set_initializer(node.output[0], values)
        return
    kind = ranges.holding((int(numbers.min()), int(numbers.max())))
    replace(model, node, ranges.quant(model, constant(model, values), node.output[0], scale, kind))


def _quantizer(
    model: ModelWrapper, node: Any, scale: npt.NDArray[np.float32], zero_point: npt.NDArray[Any]
) -> None:
    before = model.find_producer(node.input[0])
    clip = before if before is not None and before.op_type == "Clip" else None
    first = before if clip is None else model.find_producer(clip.input[0])
    if first is None or first.op_type != "QuantizeLinear" or not _alone(model, first, clip):
        return
    own_scale, own_zero_point = _operands(model, first)
    if own_scale is None or own_zero_point is None:
        return
    same = np.array_equal(own_scale, scale) and np.array_equal(own_zero_point, zero_point)
    if not same or own_zero_point.dtype != zero_point.dtype or np.ptp(zero_point):
        return
    low, high = np.iinfo(zero_point.dtype).min, np.iinfo(zero_point.dtype).max
    if clip is not None:
        least, most = (np.asarray(end) for end in ranges.limits(model, clip))
        if least.size != 1 or most.size != 1:
            return
        low, high = max(low, least.item()), min(high, most.item())
    zero = int(zero_point.reshape(-1)[0])
    numbers: Range = (int(low) - zero, int(high) - zero)
    if ranges.quantize(model, node, first.input[0], scale, numbers):
        for each in (clip, first):
            if each is not None:
                model.graph.node.remove(each)


def _alone(model: ModelWrapper, *nodes: Any) -> bool:
    """Whether nothing else takes what these nodes give."""
    return all(len(model.find_consumers(node.output[0])) == 1 for node in nodes if node is not None)


def _operands(
    model: ModelWrapper, node: Any
) -> tuple[npt.NDArray[np.float32] | None, npt.NDArray[Any] | None]:
    """Scale and zero point, both of the rank of what they apply to; None where not constant."""
    scale = model.get_initializer(node.input[1])
    if scale is None:
        return None, None
    if len(node.input) > 2 and node.input[2]:
        zero_point = model.get_initializer(node.input[2])
    else:
        given = model.get_initializer(node.input[0])
        kind = np.uint8 if given is None or node.op_type == "QuantizeLinear" else given.dtype
        zero_point = np.zeros(scale.shape, kind)
    rank = len(model.get_tensor_shape(node.input[0]))
    axis = get_by_name(node.attribute, "axis")
    shape = [1] * rank
    if scale.size > 1:
        shape[1 if axis is None else axis.i] = -1
        return scale.reshape(shape), None if zero_point is None else zero_point.reshape(shape)
    return scale.reshape(()), None if zero_point is None else zero_point.reshape(())
