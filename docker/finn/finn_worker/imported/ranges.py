"""Quantizers by the whole numbers that they give, from a lowest to a highest one.

A quantizer never falls, so what clips its values before or after it only takes numbers away at
either end. What is left is a Quant of other bits, or thresholds some of which are always reached,
and some never.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import get_by_name

from finn_worker.bipolar import LARGEST_SUM
from finn_worker.imported import graph
from finn_worker.imported.graph import bypass, constant, each, replace

LEAST_BITS, MOST_BITS = 2, 16
Range = tuple[int, int]


def quantizer_of(numbers: Range) -> tuple[int, int, int] | None:
    """`signed`, `narrow` and the bits of the Quant with exactly these numbers; None for none.

    None is narrow and without a sign: FINN's conversion of a Relu has one number more.
    """
    for bits in range(LEAST_BITS, MOST_BITS + 1):
        half, whole = 2 ** (bits - 1), 2**bits
        known = {
            (0, whole - 1): (0, 0, bits),
            (-half, half - 1): (1, 0, bits),
            (1 - half, half - 1): (1, 1, bits),
        }
        if numbers in known:
            return known[numbers]
    return None


def holding(numbers: Range) -> tuple[int, int, int]:
    """The same of the fewest bits that hold these numbers, as those of weights; signed."""
    low, high = numbers
    bits = next(b for b in range(LEAST_BITS, 64) if -(2 ** (b - 1)) <= low and high < 2 ** (b - 1))
    return 1, int(low > -(2 ** (bits - 1))), bits


def quant(
    model: ModelWrapper, source: str, result: str, scale: Any, kind: tuple[int, int, int]
) -> Any:
    """A Quant node without a zero point."""
    signed, narrow, bits = kind
    operands = [constant(model, each) for each in (scale, 0.0, bits)]
    return helper.make_node(
        "Quant",
        [source, *operands],
        [result],
        domain=graph.GENERAL,
        signed=signed,
        narrow=narrow,
        rounding_mode="ROUND",
    )


def quantize(model: ModelWrapper, node: Any, source: str, scale: Any, numbers: Range) -> bool:
    """Put a quantizer of `source` to these numbers in the place of `node`.

    Returns:
        Whether there is one: thresholds have one scale for all.
    """
    (result,) = node.output
    kind = quantizer_of(numbers)
    if kind is not None:
        replace(model, node, quant(model, source, result, scale, kind))
        return True
    if np.size(scale) != 1:
        return False
    step = float(np.reshape(scale, -1)[0])
    replace(model, node, _thresholds(model, source, result, step, numbers))
    if step != 1:
        graph.insert_after(model, result, "Mul", step)
    return True


def _thresholds(model: ModelWrapper, source: str, result: str, step: float, numbers: Range) -> Any:
    low, high = numbers
    bits = holding(numbers)[2]
    datatype = DataType[f"INT{bits}" if low < 0 else f"UINT{max(LEAST_BITS, high.bit_length())}"]
    levels = np.arange(int(datatype.min()) + 1, int(datatype.max()) + 1)
    reached = (levels - 0.5) * step
    reached[levels <= low] = -LARGEST_SUM
    reached[levels > high] = LARGEST_SUM
    return graph.thresholds(
        source,
        constant(model, reached[np.newaxis]),
        result,
        datatype=datatype.name,
        bias=float(datatype.min()),
    )


def clips_into_quantizers(model: ModelWrapper) -> None:
    """A Clip in front of a quantizer takes numbers away from it, or none."""
    for node in each(model, "Quant"):
        clip = model.find_producer(node.input[0])
        operands = [model.get_initializer(name) for name in node.input[1:]]
        if clip is None or clip.op_type != "Clip" or any(each is None for each in operands):
            continue
        if len(model.find_consumers(clip.output[0])) != 1:
            continue
        scale, zero_point, _ = operands
        ends = _ends(model, node, clip)
        if ends is None or np.any(zero_point):
            continue
        whole = getCustomOp(node).get_integer_datatype(model)
        if ends == _whole_range(node, whole):
            bypass(model, clip)
        elif getCustomOp(node).get_nodeattr("rounding_mode").upper() == "ROUND":
            source = graph.dynamic_input(model, clip)
            if quantize(model, node, source, scale, ends):
                model.graph.node.remove(clip)


def _whole_range(node: Any, datatype: Any) -> Range:
    narrow = getCustomOp(node).get_nodeattr("narrow")
    low, high = int(datatype.min()), int(datatype.max())
    if not narrow:
        return low, high
    return (low + 1, high) if low < 0 else (low, high - 1)


def _ends(model: ModelWrapper, node: Any, clip: Any) -> Range | None:
    """The numbers that a quantizer gives of the ends of a Clip; None where channels differ."""
    scale = model.get_initializer(node.input[1])
    found = []
    for end in limits(model, clip):
        context = {name: model.get_initializer(name) for name in node.input}
        bound = np.clip(np.asarray(end, np.float32), -LARGEST_SUM, LARGEST_SUM)
        shape = np.broadcast_shapes(bound.shape, scale.shape)
        context[node.input[0]] = np.broadcast_to(bound, shape)
        getCustomOp(node).execute_node(context, model.graph)
        numbers = np.rint(context[node.output[0]] / scale)
        if np.ptp(numbers):
            return None
        found.append(int(numbers.reshape(-1)[0]))
    low, high = found
    return low, high


def limits(model: ModelWrapper, clip: Any) -> tuple[Any, Any]:
    """The least and the largest value that a Clip leaves."""
    found = []
    for index, (name, default) in enumerate((("min", -np.inf), ("max", np.inf)), start=1):
        attribute = get_by_name(clip.attribute, name)  # before opset 11
        given = model.get_initializer(clip.input[index]) if len(clip.input) > index else None
        if attribute is not None:
            given = attribute.f
        found.append(default if given is None else given)
    return found[0], found[1]
