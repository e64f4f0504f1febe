"""Operators in the forms that FINN's conversion knows; what is computed stays as it is.

A model comes as QONNX (quantizers), in FINN's dialect (thresholds and whole-number weights), or as
a mixture of both, from exporters of several years.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import get_by_name

from finn_worker.bipolar import LARGEST_SUM
from finn_worker.imported import graph, qcdq, ranges, windows
from finn_worker.imported.graph import bypass, constant, dynamic_input, each, is_constant, replace

# Above 0, and far below the smallest step of any quantizer.
JUST_ABOVE_ZERO = 2.0**-100
# A shift that is added to it leaves it larger than 0 in float32, and smaller than any step.
SHARE = 2.0**-20
AFFINE: Mapping[str, Callable[..., Any]] = {
    "Add": np.add,
    "BatchNormalization": lambda x, gain, offset, mean, variance: (
        gain * (x - mean) / np.sqrt(variance + 1e-5) + offset
    ),
    "Div": np.divide,
    "Mul": np.multiply,
    "Sub": np.subtract,
}
LARGEST_WHOLE_WEIGHT = 127
MATRICES = ("Conv", "Gemm", "MatMul")
RANK_OF_ROWS = 2
# Of signed quantizers, half of whose levels are those of an unsigned one of two bits or more.
LEAST_SIGNED_BITS = 3


def settle(model: ModelWrapper) -> None:
    """Apply all changes, in place, to a model with shapes and folded constants."""
    for change in (
        _one_name_for_quantizers,
        qcdq.settle,
        _without_identities,
        _batch_norms_on_rows,
        _flatten,
        _plain_gemms,
        _xnor_as_products,
        _sign_as_thresholds,
        _bipolar_of_one,
        ranges.clips_into_quantizers,
        _relu_into_quantizers,
        _relu_into_thresholds,
        _explicit_windows,
        windows.pads_into_convolutions,
        _plain_biases,
        _weights_of_their_own,
        _whole_weights,
    ):
        change(model)


def _one_name_for_quantizers(model: ModelWrapper) -> None:
    for node in model.graph.node:
        if node.op_type == "IntQuant":
            node.op_type = "Quant"


def _without_identities(model: ModelWrapper) -> None:
    for node in each(model, "Cast", "Dropout", "Identity"):
        bypass(model, node)
    for node in each(model, "Flatten", "Reshape", "Squeeze", "Unsqueeze"):
        shapes = [model.get_tensor_shape(name) for name in (node.input[0], node.output[0])]
        if shapes[0] == shapes[1]:
            bypass(model, node)


def _batch_norms_on_rows(model: ModelWrapper) -> None:
    """A BatchNorm takes [N, C] as it does [N, C, 1]."""
    for norm in each(model, "BatchNormalization"):
        before, after = model.find_producer(norm.input[0]), model.find_consumers(norm.output[0])
        if before is None or before.op_type not in {"Reshape", "Unsqueeze"}:
            continue
        if len(after) != 1 or after[0].op_type not in {"Flatten", "Reshape", "Squeeze"}:
            continue
        outer = before.input[0], after[0].output[0]
        shapes = [model.get_tensor_shape(name) for name in outer]
        if shapes[0] == shapes[1] and len(shapes[0]) == RANK_OF_ROWS:
            bypass(model, before)
            bypass(model, after[0])
            for name in norm.output:
                model.set_tensor_shape(name, shapes[0])


def _flatten(model: ModelWrapper) -> None:
    """A Reshape to rows fixes the batch; a Flatten does not."""
    for node in each(model, "Reshape", "Squeeze"):
        shape = model.get_tensor_shape(node.output[0])
        if len(shape) == RANK_OF_ROWS and shape[0] == 1:
            replace(model, node, helper.make_node("Flatten", [node.input[0]], [node.output[0]]))


def _plain_gemms(model: ModelWrapper) -> None:
    """Gemm multiplies its product and its bias by a number each, nearly always 1."""
    for node in each(model, "Gemm"):
        factors = {name: get_by_name(node.attribute, name) for name in ("alpha", "beta")}
        alpha, beta = (1.0 if each is None else each.f for each in factors.values())
        bias = model.get_initializer(node.input[2]) if len(node.input) > 2 else np.zeros(())
        if (alpha, beta) == (1, 1) or alpha == 0 or bias is None:
            continue
        for attribute in factors.values():
            if attribute is not None:
                node.attribute.remove(attribute)
        if len(node.input) > 2:
            node.input[2] = constant(model, bias * beta / alpha)
        if alpha != 1:
            graph.insert_after(model, node.output[0], "Mul", alpha)


def _xnor_as_products(model: ModelWrapper) -> None:
    """Matching bits of x and w, 0 or 1 each: x (2w - 1) summed, and one for each w of 0."""
    for node in list(model.get_nodes_by_op_type("XnorPopcountMatMul")):
        bits, result = model.get_initializer(node.input[1]), node.output[0]
        if bits is None:
            continue
        weights = constant(model, 2 * bits - 1)
        model.set_tensor_datatype(weights, DataType["BIPOLAR"])
        model.set_tensor_datatype(result, DataType["INT32"])
        replace(model, node, helper.make_node("MatMul", [node.input[0], weights], [result]))
        graph.insert_after(model, result, "Add", (1 - bits).sum(axis=0))


def _sign_as_thresholds(model: ModelWrapper) -> None:
    """ONNX' Sign gives 0 for 0, a third value of two bits.

    What counts as more than 0 has to outlast that shifts are added to thresholds in float32.
    """
    for node in each(model, "Sign"):
        shift = _shift_before(model, node)
        levels = constant(model, [[-LARGEST_SUM, 0.0, max(JUST_ABOVE_ZERO, shift * SHARE)]])
        made = graph.thresholds(node.input[0], levels, node.output[0], datatype="INT2", bias=-2.0)
        replace(model, node, made)


def _shift_before(model: ModelWrapper, node: Any) -> float:
    """What the scales and shifts in front of a node make of 0, at most."""
    chain: list[Any] = []
    before = model.find_producer(node.input[0])
    while before is not None and before.op_type in AFFINE:
        if any(model.get_initializer(name) is None for name in before.input[1:]):
            break
        chain.insert(0, before)
        before = model.find_producer(before.input[0])
    value = np.zeros(1)
    for step in chain:
        operands = [np.asarray(model.get_initializer(name), float) for name in step.input[1:]]
        value = np.asarray(AFFINE[step.op_type](value, *operands))
    return float(np.abs(value).max())


def _bipolar_of_one(model: ModelWrapper) -> None:
    """A bipolar quantizer of scale 1, and the scale behind it."""
    for node in each(model, "BipolarQuant"):
        scale = model.get_initializer(node.input[1])
        if scale is not None and not (scale == 1).all():
            node.input[1] = constant(model, 1.0)
            graph.insert_after(model, node.output[0], "Mul", scale)


def _relu_into_quantizers(model: ModelWrapper) -> None:
    """A signed quantizer behind a Relu uses the upper half of its levels: an unsigned one has."""
    for node in each(model, "Quant"):
        relu, bits = model.find_producer(node.input[0]), model.get_initializer(node.input[3])
        if (
            relu is None
            or relu.op_type != "Relu"
            or bits is None
            or (bits < LEAST_SIGNED_BITS).any()
        ):
            continue
        quantizer = getCustomOp(node)
        if quantizer.get_nodeattr("signed"):
            quantizer.set_nodeattr("signed", 0)
            quantizer.set_nodeattr("narrow", 0)
            node.input[3] = constant(model, bits - 1)


def _relu_into_thresholds(model: ModelWrapper) -> None:
    """Behind a Relu, every threshold up to 0 is reached."""
    for node in each(model, "MultiThreshold"):
        relu, levels = model.find_producer(node.input[0]), model.get_initializer(node.input[1])
        if (
            relu is not None
            and relu.op_type == "Relu"
            and len(model.find_consumers(relu.output[0])) == 1
        ):
            node.input[1] = constant(model, np.where(levels <= 0, -LARGEST_SUM, levels))
            bypass(model, relu)


def _explicit_windows(model: ModelWrapper) -> None:
    """Attributes of windows that a file may leave out, as their defaults are."""
    for node in each(model, "AveragePool", "Conv", "MaxPool"):
        rank = len(model.get_tensor_shape(node.input[0])) - 2
        attributes = {"strides": [1] * rank, "pads": _pads(model, node, rank)}
        if node.op_type != "AveragePool":
            attributes["dilations"] = [1] * rank
        if node.op_type == "Conv":
            attributes["kernel_shape"] = model.get_tensor_shape(node.input[1])[2:]
        automatic = get_by_name(node.attribute, "auto_pad")
        if automatic is not None:
            node.attribute.remove(automatic)
        for name, value in attributes.items():
            if get_by_name(node.attribute, name) is None:
                node.attribute.append(helper.make_attribute(name, value))
        if node.op_type == "Conv" and get_by_name(node.attribute, "group") is None:
            node.attribute.append(helper.make_attribute("group", 1))


def _pads(model: ModelWrapper, node: Any, rank: int) -> list[int]:
    """Those of `auto_pad`, or none."""
    automatic = get_by_name(node.attribute, "auto_pad")
    if automatic is None or not automatic.s.startswith(b"SAME"):
        return [0] * 2 * rank
    strides = get_by_name(node.attribute, "strides")
    kernel = get_by_name(node.attribute, "kernel_shape")
    steps = list(strides.ints) if strides is not None else [1] * rank
    sizes = list(kernel.ints) if kernel is not None else model.get_tensor_shape(node.input[1])[2:]
    (before, after) = (model.get_tensor_shape(name)[2:] for name in (node.input[0], node.output[0]))
    first, last = [], []
    for size, step, image, result in zip(sizes, steps, before, after, strict=True):
        total = max(0, (result - 1) * step + size - image)
        less, more = total // 2, total - total // 2
        upper = automatic.s == b"SAME_UPPER"
        first.append(less if upper else more)
        last.append(more if upper else less)
    return first + last


def _plain_biases(model: ModelWrapper) -> None:
    """A bias becomes part of thresholds, so it need not be quantized: its values are taken."""
    for node in list(model.graph.node):
        if node.op_type not in {"BipolarQuant", "Quant"} or dynamic_input(model, node):
            continue
        consumers = model.find_consumers(node.output[0])
        if consumers and all(_is_bias(model, each, node.output[0]) for each in consumers):
            model.set_initializer(node.output[0], _computed(model, node))
            model.graph.node.remove(node)


def _is_bias(model: ModelWrapper, node: Any, tensor: str) -> bool:
    if node.op_type in {"Conv", "Gemm"}:
        return list(node.input).index(tensor) == 2  # data, weights, bias
    return node.op_type in {"Add", "Sub"} and bool(dynamic_input(model, node))


def _computed(model: ModelWrapper, node: Any) -> Any:
    context = {name: model.get_initializer(name) for name in node.input}
    getCustomOp(node).execute_node(context, model.graph)
    return np.asarray(context[node.output[0]], np.float32)


def _weights_of_their_own(model: ModelWrapper) -> None:
    """Each layer has a quantizer for its weights, even where several have the same."""
    for node in list(model.graph.node):
        if node.op_type not in {"BipolarQuant", "Quant"} or dynamic_input(model, node):
            continue
        result = node.output[0]
        for consumer in model.find_consumers(result)[1:]:
            again = copy.deepcopy(node)
            again.name, again.output[0] = "", str(model.make_new_valueinfo_name())
            model.set_tensor_shape(again.output[0], model.get_tensor_shape(result))
            model.graph.node.insert(list(model.graph.node).index(node), again)
            graph.reroute(consumer, result, again.output[0])


def _whole_weights(model: ModelWrapper) -> None:
    """Weights of whole numbers are quantized, whether the file says so or not."""
    for node in each(model, *MATRICES):
        name = node.input[1]
        weights = model.get_initializer(name) if is_constant(model, name) else None
        if weights is None or model.get_tensor_datatype(name) != DataType["FLOAT32"]:
            continue
        largest = int(np.abs(weights).max())
        if (weights == np.trunc(weights)).all() and largest <= LARGEST_WHOLE_WEIGHT:
            bits = max(2, largest.bit_length() + 1)
            model.set_tensor_datatype(name, DataType[f"INT{bits}"])
