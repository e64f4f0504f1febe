"""The ends of a model: one input, of the images' shape; one output, without a choice of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper
from qonnx.util.basic import get_by_name

from contract.text import counted
from finn_worker.imported.file import name_of
from stagekit import StageError

Shape = tuple[int, ...]
# They say which of the outputs is the largest, and nothing else.
CHOICES = frozenset({"ArgMax", "LogSoftmax", "Softmax", "TopK"})
# They leave the order of values as it is; what they are of is compared.
MONOTONE = frozenset({"Sigmoid", "Tanh"})
RESHAPING = frozenset({"Cast", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
WHOLE = {TensorProto.UINT8: "UINT8", TensorProto.INT8: "INT8"}
CHANNELS_FIRST = [0, 3, 1, 2]


def take_input(model: onnx.ModelProto, image: Shape) -> Shape:
    """Fix the model's input to one image of the data set.

    Args:
        model: Changed in place: its only input has a batch of 1 and known sizes.
        image: Shape of an image of the data set, (C, H, W).

    Returns:
        The shape that the model takes for it, without the batch.

    Raises:
        StageError: There is no input, or several, or of another shape or type.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(f"'{item.name}'" for item in inputs)
        raise StageError(
            f"The model has {counted(len(inputs), 'input')}{f': {names}' if names else ''}.",
            "Give a model that takes one tensor: the image.",
        )
    (source,) = inputs
    kind = source.type.tensor_type.elem_type
    if kind not in {TensorProto.FLOAT, TensorProto.DOUBLE, *WHOLE}:
        raise StageError(
            f"The input '{source.name}' is of {TensorProto.DataType.Name(kind)}.",
            "Export the model with an input of float32.",
        )
    dims = source.type.tensor_type.shape.dim
    sizes = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in dims]
    shape = _fitting(source.name, sizes, image)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(source.name, TensorProto.FLOAT, [1, *shape]))
    _forget_shapes(model)
    if kind in WHOLE:
        annotate(model, source.name, WHOLE[kind])
    return shape


def annotate(model: onnx.ModelProto, tensor: str, datatype: str) -> None:
    """Say what numbers a tensor holds, unless the model says so itself."""
    annotations = model.graph.quantization_annotation
    found = next((item for item in annotations if item.tensor_name == tensor), None)
    if found is None:
        found = annotations.add(tensor_name=tensor)
    if all(item.key != "finn_datatype" for item in found.quant_parameter_tensor_names):
        found.quant_parameter_tensor_names.add(key="finn_datatype", value=datatype)


def _fitting(name: str, sizes: Sequence[int], image: Shape) -> Shape:
    """The input's sizes without the batch; those that it leaves open are the image's."""
    rank, (channels, height, width) = len(sizes) - 1, image
    options: dict[int, list[Shape]] = {
        1: [(math.prod(image),)],
        2: [(height, width)] if channels == 1 else [],
        3: [image, (height, width, channels)],
    }
    for option in options.get(rank, []):
        if all(size in (0, wanted) for size, wanted in zip(sizes[1:], option, strict=True)):
            return option
    given = tuple(sizes[1:])
    if (height, width) == (1, 1) and rank > 0 and math.prod(given) == channels:
        return given  # features, which are of no shape
    shown = "x".join(str(size or "?") for size in sizes) or "nothing"
    raise StageError(
        f"The model's input '{name}' is {shown}, batch first; the data set's images are "
        f"{channels}x{height}x{width} (channels, height, width).",
        "Give images of the model's shape, channels first or last as the model has them.",
    )


def _forget_shapes(model: onnx.ModelProto) -> None:
    """What is known of shapes is of the batch that the model was exported with."""
    del model.graph.value_info[:]
    for item in model.graph.output:
        item.type.tensor_type.ClearField("shape")


def cut_choice(model: onnx.ModelProto) -> list[Any]:
    """Take a choice among the outputs off the end: TopK, ArgMax, LabelSelect, Softmax, and so on.

    Returns:
        The nodes that were taken off and are a choice, the last one first.

    Raises:
        StageError: There are several outputs, or the choice is not the largest.
    """
    graph, cut = model.graph, []
    producers = {name: node for node in graph.node for name in node.output}
    ends = [item.name for item in graph.output]
    last = [producers.get(name) for name in ends]
    if len(ends) == 1 and last[0] is None:
        raise StageError(
            f"The model's output '{ends[0]}' is its input, or a constant: no node gives it.",
            "Give a model whose output its last layer computes.",
        )
    if not ends or any(node is not last[0] for node in last):
        names = ", ".join(f"'{name}'" for name in ends)
        raise StageError(
            f"The model has {counted(len(ends), 'output')}{f': {names}' if names else ''}.",
            "Give a model with one output tensor, or a TopK at its end.",
        )
    node, uncut = last[0], ends[0]
    while node is not None:
        choice = node.op_type in CHOICES | MONOTONE or node.op_type.startswith("LabelSelect")
        if not choice and node.op_type not in RESHAPING:
            break
        if choice:
            _check_choice(node)
            cut.append(node)
            uncut = node.input[0]
        node = producers.get(node.input[0])
    if not cut and len(ends) > 1:
        raise StageError(
            f"{name_of(last[0])} has several outputs.", "Give a model with one output tensor."
        )
    if cut:
        del graph.output[:]
        graph.output.append(helper.make_tensor_value_info(uncut, TensorProto.FLOAT, None))
        _drop_unread(model)
    return cut


def _check_choice(node: Any) -> None:
    largest = get_by_name(node.attribute, "largest")
    if largest is not None and not largest.i:
        raise StageError(
            f"{name_of(node)} takes the smallest output.", "Leave it out, or take the largest."
        )


def _drop_unread(model: onnx.ModelProto) -> None:
    """Remove the nodes that nothing depends on any more."""
    wanted = {item.name for item in model.graph.output}
    for node in reversed(list(model.graph.node)):
        if wanted.intersection(node.output):
            wanted.update(node.input)
        else:
            model.graph.node.remove(node)
