"""What all that changes a model's graph is made of: inserting, replacing, bypassing nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

GENERAL = "qonnx.custom_op.general"


def is_constant(model: ModelWrapper, tensor: str) -> bool:
    """Whether a tensor is a weight, or computed from weights alone."""
    if model.get_initializer(tensor) is not None:
        return True
    node = model.find_producer(tensor)
    return node is not None and all(is_constant(model, name) for name in node.input if name)


def dynamic_input(model: ModelWrapper, node: Any) -> str:
    """The first input of a node that depends on the image; empty where there is none."""
    return next((name for name in node.input if name and not is_constant(model, name)), "")


def constant(model: ModelWrapper, values: Any) -> str:
    """The name of a new constant."""
    name = str(model.make_new_valueinfo_name())
    model.set_initializer(name, np.asarray(values, np.float32))
    return name


def insert_after(model: ModelWrapper, tensor: str, kind: str, operand: Any) -> None:
    """All that took `tensor` takes `kind` (tensor, operand) instead; of the same shape."""
    made = str(model.make_new_valueinfo_name())
    consumers = model.find_consumers(tensor)
    node = helper.make_node(kind, [tensor, constant(model, operand)], [made])
    model.set_tensor_shape(made, model.get_tensor_shape(tensor), TensorProto.FLOAT)
    model.set_tensor_datatype(made, DataType["FLOAT32"])
    for consumer in consumers:
        reroute(consumer, tensor, made)
    at = 0
    producer = model.find_producer(tensor)
    if producer is not None:
        at = list(model.graph.node).index(producer) + 1
    model.graph.node.insert(at, node)
    if tensor == model.graph.output[0].name:
        rename_output(model, made)


def rename_output(model: ModelWrapper, tensor: str) -> None:
    """The model gives `tensor` from now on."""
    shape = model.get_tensor_shape(tensor)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info(tensor, TensorProto.FLOAT, shape))
    for item in [item for item in model.graph.value_info if item.name == tensor]:
        model.graph.value_info.remove(item)


def bypass(model: ModelWrapper, node: Any) -> None:
    """Take a node away: what took its output takes its input."""
    source, result = dynamic_input(model, node) or node.input[0], node.output[0]
    for consumer in model.find_consumers(result):
        reroute(consumer, result, source)
    is_last = result == model.graph.output[0].name
    model.graph.node.remove(node)
    if is_last:
        rename_output(model, source)


def reroute(node: Any, old: str, new: str) -> None:
    """A node takes `new` where it took `old`."""
    for index, name in enumerate(node.input):
        if name == old:
            node.input[index] = new


def replace(model: ModelWrapper, node: Any, made: Any) -> None:
    """Put `made`, of the same output, in the place of a node."""
    at = list(model.graph.node).index(node)
    model.graph.node.remove(node)
    model.graph.node.insert(at, made)


def each(model: ModelWrapper, *kinds: str) -> Iterator[Any]:
    """The nodes of these kinds that depend on the image; the graph may change meanwhile."""
    for node in list(model.graph.node):
        if node.op_type in kinds and dynamic_input(model, node):
            yield node


def thresholds(
    source: str, levels: str, result: str, *, datatype: str, bias: float, scale: float = 1.0
) -> Any:
    """A MultiThreshold node: scale times the number of levels reached, plus bias."""
    return helper.make_node(
        "MultiThreshold",
        [source, levels],
        [result],
        domain=GENERAL,
        out_dtype=datatype,
        out_bias=bias,
        out_scale=scale,
    )
