"""Before the first layer: what the input's numbers are, and in which order they come.

An accelerator takes the values of an image as they lie in memory. So what only moves them is done
to the images instead, once: they become rows, or channels come first.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.basic import get_by_name

from finn_worker.imported.ends import CHANNELS_FIRST, Shape
from finn_worker.imported.graph import bypass, constant, insert_after, is_constant
from stagekit import StageError

Images = npt.NDArray[Any]
# Operators that take each value by itself.
BY_VALUE = frozenset(
    {"Add", "BipolarQuant", "Clip", "Div", "Mul", "MultiThreshold", "Quant", "Relu", "Sub"}
)
PIXEL_MAX = 255
# Beyond it, a scale is no whole share of 1.
NEAR = 1e-6


def arranged(images: Images, shape: Shape) -> Images:
    """Images [N, C, H, W] as the model takes them, [N, *shape]."""
    last = (*images.shape[2:], images.shape[1])
    if shape == last and shape != images.shape[1:]:
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    return images.reshape(len(images), *shape)


def takes_integers(model: ModelWrapper, asked: str) -> bool:
    """Whether the model takes whole numbers, as annotated, or as it divides them by 255 itself.

    Args:
        model: With shapes.
        asked: `ImportSpec.input`.
    """
    if asked != "auto":
        return asked == "integers"
    source = model.graph.input[0].name
    if model.get_tensor_datatype(source) != DataType["FLOAT32"]:
        return True
    return any(_divides_pixels(model, node) for node in model.find_consumers(source))


def _divides_pixels(model: ModelWrapper, node: Any) -> bool:
    if node.op_type not in {"Div", "Mul"}:
        return False
    factor = model.get_initializer(node.input[1])
    if factor is None or factor.size != 1:
        return False
    by = float(factor.reshape(-1)[0]) if node.op_type == "Div" else 1 / float(factor.reshape(-1)[0])
    return abs(by - PIXEL_MAX) < NEAR * PIXEL_MAX


def annotate(model: ModelWrapper, datatype: str, images: Images) -> str:
    """Say which whole numbers the input holds.

    Args:
        model: Whose annotation counts, where it has one.
        datatype: Of the data set.
        images: All that there are.

    Returns:
        The datatype.

    Raises:
        StageError: The model's does not hold the images.
    """
    source = model.graph.input[0].name
    found = model.get_tensor_datatype(source)
    if found == DataType["FLOAT32"]:
        found = DataType[datatype]
    low, high = int(images.min()), int(images.max())
    inside = found.is_integer() and found.min() <= low and high <= found.max()
    if not inside or (found.name == "BIPOLAR" and not images.all()):
        raise StageError(
            f"The model takes {found.name}; the images hold {low} to {high}"
            f"{', 0 among them' if inside else ''}.",
            "Give the images as the numbers that the model takes; for -1 and 1, as float with "
            "x_scale = 1 and x_datatype = 'BIPOLAR' in the npz.",
        )
    model.set_tensor_datatype(source, found)
    return str(found.name)


def scale(model: ModelWrapper, factor: float, zero_point: int, datatype: str) -> None:
    """Have the model take whole numbers q, which stand for factor * (q - zero_point)."""
    source = model.graph.input[0].name
    model.set_tensor_datatype(source, DataType[datatype])
    whole = round(1 / factor)
    if whole > 1 and abs(1 / factor - whole) < NEAR * whole:
        insert_after(model, source, "Div", whole)
    elif factor != 1:
        insert_after(model, source, "Mul", factor)
    if zero_point:
        # The last one in is the first one to take the input.
        insert_after(model, source, "Sub", zero_point)


def settle(model: ModelWrapper) -> Callable[[Images], Images]:
    """Take what only moves an image's values out of the head of a model, in place.

    Returns:
        What the images need instead: [N, *old shape] to [N, *new shape].

    Raises:
        StageError: Channels come last, and stay there.
    """
    old = tuple(model.get_tensor_shape(model.graph.input[0].name)[1:])
    for index, node in enumerate(chain := _chain(model)):
        shape = tuple(model.get_tensor_shape(node.output[0])[1:])
        if node.op_type in {"Flatten", "Reshape", "Squeeze", "Unsqueeze"}:
            _reshape_before(model, chain[:index], shape)
            bypass(model, node)
            _set_shapes(model, chain[:index], shape)
            return lambda images: images.reshape(len(images), *shape)
        if node.op_type == "Transpose" and _order(node) == CHANNELS_FIRST:
            for each in chain[:index]:
                _apply_to_operands(model, each, len(old), lambda x: x.transpose(0, 3, 1, 2))
            bypass(model, node)
            _set_shapes(model, chain[:index], shape)
            return lambda images: np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return lambda images: images


def _chain(model: ModelWrapper) -> list[Any]:
    """The nodes from the input to the first that moves values, which is the last one here."""
    found: list[Any] = []
    tensor = model.graph.input[0].name
    while True:
        nodes = model.find_consumers(tensor)
        if len(nodes) != 1:
            return found
        (node,) = nodes
        operands = [name for name in node.input if name and name != tensor]
        if not all(is_constant(model, name) for name in operands):
            return found
        found.append(node)
        if node.op_type not in BY_VALUE:
            return found
        tensor = node.output[0]


def _order(node: Any) -> list[int]:
    found = get_by_name(node.attribute, "perm")
    return [] if found is None else list(found.ints)


def _reshape_before(model: ModelWrapper, nodes: list[Any], shape: Shape) -> None:
    """Operands of nodes fit a reshaped input: one value for all, or as many as it has."""
    old = model.get_tensor_shape(model.graph.input[0].name)

    def spread(operand: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.broadcast_to(operand, old).reshape(1, *shape)

    for node in nodes:
        if node.op_type == "MultiThreshold":
            levels = model.get_initializer(node.input[1])
            if len(levels) > 1:
                each = math.prod(old[2:])
                if len(shape) > 1:
                    raise StageError(
                        f"The thresholds {node.name} differ by channel, and the image is reshaped "
                        "behind them.",
                        "Reshape the image before they apply.",
                    )
                node.input[1] = constant(model, np.repeat(levels, each, axis=0))
        else:
            _apply_to_operands(model, node, len(old), spread)


def _apply_to_operands(
    model: ModelWrapper,
    node: Any,
    rank: int,
    change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
) -> None:
    if node.op_type == "MultiThreshold":
        return
    for index, name in enumerate(node.input):
        values = model.get_initializer(name) if name else None
        if values is not None and values.size > 1:
            full = values.reshape((1,) * (rank + 1 - values.ndim) + values.shape)
            node.input[index] = constant(model, change(full))


def _set_shapes(model: ModelWrapper, nodes: list[Any], shape: Shape) -> None:
    source = model.graph.input[0]
    datatype = model.get_tensor_datatype(source.name)
    source.CopyFrom(helper.make_tensor_value_info(source.name, TensorProto.FLOAT, [1, *shape]))
    model.set_tensor_datatype(source.name, datatype)
    for node in nodes:
        model.set_tensor_shape(node.output[0], [1, *shape])
