"""Averages over whole images, however a model writes them, as FINN's conversion takes them."""

from __future__ import annotations

from typing import Any

from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.util.basic import get_by_name

OF_IMAGES = "GlobalAveragePool"
IMAGE_RANK = 4
ROUNDED = frozenset({"Mul", "Trunc"})
"""What follows an average that is rounded; such a one stays a pool."""


class AveragesOfImages(Transformation):
    """ReduceMean over height and width, and AveragePool of one window, become OF_IMAGES."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Apply the transformation."""
        for node in list(model.graph.node):
            if is_of_image(model, node):
                _replace(model, node)
        return model, False


def is_of_image(model: ModelWrapper, node: Any) -> bool:
    """Whether a node is an average over height and width of an image, and written otherwise."""
    shape = model.get_tensor_shape(node.input[0])
    if node.op_type not in {"AveragePool", "ReduceMean"} or shape is None:
        return False
    if len(shape) != IMAGE_RANK:
        return False
    if node.op_type == "ReduceMean":
        return sorted(axis % IMAGE_RANK for axis in axes(model, node)) == [2, 3]
    pads, kernel = (get_by_name(node.attribute, name) for name in ("pads", "kernel_shape"))
    followers = model.find_direct_successors(node) or []
    return (
        list(kernel.ints) == list(shape[2:])
        and not (pads is not None and any(pads.ints))
        and not any(each.op_type in ROUNDED for each in followers)
    )


def axes(model: ModelWrapper, node: Any) -> list[int]:
    """The dimensions over which a ReduceMean is; empty where they are not constant."""
    attribute = get_by_name(node.attribute, "axes")
    if attribute is not None:
        return list(attribute.ints)
    given = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
    return [] if given is None else [int(axis) for axis in given]


def _replace(model: ModelWrapper, node: Any) -> None:
    source, result = node.input[0], node.output[0]
    rows = len(model.get_tensor_shape(result)) < IMAGE_RANK
    pooled = str(model.make_new_valueinfo_name()) if rows else result
    made = [helper.make_node(OF_IMAGES, [source], [pooled])]
    if rows:
        batch, channels, *_ = model.get_tensor_shape(source)
        model.set_tensor_shape(pooled, [batch, channels, 1, 1])
        made.append(helper.make_node("Flatten", [pooled], [result]))
    at = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    for offset, each in enumerate(made):
        model.graph.node.insert(at + offset, each)
