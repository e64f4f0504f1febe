"""Zeros around images, as a node of their own."""

from __future__ import annotations

from typing import Any

from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from finn_worker.imported.graph import bypass, each

IMAGE_RANK = 4


def pads_into_convolutions(model: ModelWrapper) -> None:
    """A Pad of zeros in front of convolutions becomes their padding, in place."""
    for node in each(model, "Pad"):
        convolutions = model.find_consumers(node.output[0])
        added = _zeros(model, node)
        if added is None or not all(each.op_type == "Conv" for each in convolutions):
            continue
        for conv in convolutions:
            old = get_by_name(conv.attribute, "pads")
            pads = [0] * len(added) if old is None else list(old.ints)
            if old is not None:
                conv.attribute.remove(old)
            total = [a + b for a, b in zip(pads, added, strict=True)]
            conv.attribute.append(helper.make_attribute("pads", total))
        bypass(model, node)


def _zeros(model: ModelWrapper, node: Any) -> list[int] | None:
    """How many zeros it puts on each side of an image: begins, then ends; None for all else."""
    mode = get_by_name(node.attribute, "mode")
    if mode is not None and mode.s != b"constant":
        return None
    operands = [model.get_initializer(name) if name else None for name in node.input[1:]]
    attribute = get_by_name(node.attribute, "pads")  # before opset 11
    pads = list(attribute.ints) if attribute is not None else operands[0]
    value = operands[1] if len(operands) > 1 else None
    others = len(operands) > 2 and node.input[3]  # axes
    if pads is None or len(pads) != 2 * IMAGE_RANK or others or (value is not None and value.any()):
        return None
    numbers = [int(pad) for pad in pads]
    outside = numbers[:2] + numbers[IMAGE_RANK : IMAGE_RANK + 2]
    if any(outside) or min(numbers) < 0:
        return None
    return numbers[2:IMAGE_RANK] + numbers[IMAGE_RANK + 2 :]
