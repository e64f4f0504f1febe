"""What of an exported model FINN+ cannot take, said before anything is done to it."""

from __future__ import annotations

from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import get_by_name

from contract.text import counted
from finn_worker import truncations
from finn_worker.unsupported import (
    LARGEST_QUANTIZER_BITS,
    LEAST_BITS,
    MATRICES,
    NO_LAYER,
    QUANTIZERS,
    Graph,
    Reason,
    refusal,
)

SIDES = 2  # of an image


def check(model: ModelWrapper) -> None:
    """Whether FINN+ can take the layers of an exported model and the quantizers around them.

    Raises:
        StageError: Names those that it cannot.
    """
    graph = Graph(model)
    matrices = [node for node in model.graph.node if node.op_type in MATRICES]
    if not matrices:
        raise NO_LAYER
    quantizers = [n for n in model.graph.node if n.op_type in QUANTIZERS and graph.is_dynamic(n)]
    reasons = [_of_numbers(graph, node) for node in model.graph.node if node.op_type in QUANTIZERS]
    if not any(reasons):
        reasons = [_misplaced(graph, node) for node in quantizers]
    reasons += [graph.of_operands(node) for node in model.graph.node if graph.is_dynamic(node)]
    reasons += [_of_windows(graph, node) for node in model.graph.node if node.op_type == "MaxPool"]
    reasons += [_of_exported_layer(graph, node) for node in matrices]
    reasons += [truncations.why_none(graph, node) for node in truncations.of(model)]
    if found := [reason for reason in reasons if reason is not None]:
        raise refusal(found)


def _of_numbers(graph: Graph, node: Any) -> Reason | None:
    """Scale and bits have to be such as quantizers have."""
    model = graph.model
    if graph.is_dynamic(node):
        name = f"The quantizer {graph.place(node)},"
    else:
        name = f"The quantizer {node.name}, of weights,"
    scale, bits = model.get_initializer(node.input[1]), _bits(model, node)
    if scale is not None and not (scale > 0).all():
        return Reason(f"{name} has a scale of {scale.min():g}.", "Scales are numbers above 0.")
    if bits is not None and bits != round(bits):
        return Reason(f"{name} has {bits:g} bits.", "Use a whole number of bits.")
    return None


def _of_windows(graph: Graph, node: Any) -> Reason | None:
    """FINN's pools leave out windows that reach beyond the image."""
    if not (ceil := get_by_name(node.attribute, "ceil_mode")) or not ceil.i:
        return None
    found = {item.name: list(item.ints) for item in node.attribute}
    sizes = (graph.model.get_tensor_shape(name)[2:] for name in (node.input[0], node.output[0]))
    pads = found.get("pads", [0] * 4)
    for image, result, kernel, step, before, after in zip(
        *sizes, found["kernel_shape"], found.get("strides", [1, 1]), pads[:2], pads[2:], strict=True
    ):
        if (result - 1) * step + kernel > image + before + after:
            return Reason(
                f"The maximum {graph.place(node)}, has windows that reach beyond the image.",
                "Leave them out (ceil_mode=False), or pad the image.",
            )
    return None


def _misplaced(graph: Graph, node: Any) -> Reason | None:
    bits = _bits(graph.model, node)
    bipolar = node.op_type == "BipolarQuant"
    if not graph.layers_before(node) and (bits is None or bits <= LARGEST_QUANTIZER_BITS):
        return None  # `input_quantizer` takes them
    if bits is not None and not bipolar and not LEAST_BITS <= bits <= LARGEST_QUANTIZER_BITS:
        return Reason(
            f"The quantizer {graph.place(node)}, has {counted(f'{bits:g}', 'bit')}.",
            f"Use {LEAST_BITS} to {LARGEST_QUANTIZER_BITS}, or a bipolar quantizer of one bit: it "
            f"becomes 2^bits - 1 thresholds, and layers in RTL take integers of at least "
            f"{LEAST_BITS} bits.",
        )
    if _shifted(graph.model, node):
        return Reason(
            f"The quantizer {graph.place(node)}, has a zero point other than 0.",
            "Use a symmetric quantizer (Brevitas: QuantReLU, or Int8ActPerTensorFloat).",
        )
    if bipolar and not _is_one(graph.model.get_initializer(node.input[1])):
        return Reason(
            f"The bipolar quantizer {graph.place(node)}, has a scale other than 1.",
            "Use a constant scale of 1 (Brevitas: scaling_impl_type=CONST, scaling_init=1.0): what "
            "follows, a BatchNorm say, can scale instead.",
        )
    relu = graph.model.find_producer(node.input[0])
    signed = getCustomOp(node).get_nodeattr("signed") if node.op_type == "Quant" else 0
    if relu is not None and relu.op_type == "Relu" and signed:
        return Reason(
            f"The quantizer {graph.place(node)}, is signed, though a Relu ({relu.name}) precedes "
            "it.",
            "Use Brevitas' QuantReLU, which quantizes to unsigned numbers.",
        )
    return None


def _of_exported_layer(graph: Graph, node: Any) -> Reason | None:
    """Why FINN+ cannot take a convolution or a fully connected layer."""
    name = f"{graph.place(node)},"
    sides = len(graph.model.get_tensor_shape(node.input[0])) - 2
    if node.op_type == "Conv" and sides != SIDES:
        return Reason(
            f"The convolution {name} is over {counted(sides, 'dimension')}.",
            "Use convolutions over height and width; a signal is an image of one row, with kernels "
            "of (1, k).",
        )
    groups = get_by_name(node.attribute, "group")
    channels = graph.model.get_tensor_shape(node.input[0])[1]
    if node.op_type == "Conv" and groups is not None and groups.i not in {1, channels}:
        return Reason(
            f"The convolution {name} has {groups.i} groups.",
            "Use one group, or as many as it has channels: a depthwise convolution.",
        )
    weights = graph.model.find_producer(node.input[1])
    if weights is not None and _shifted(graph.model, weights):
        return Reason(
            f"The weights of {name} are quantized with a zero point other than 0.",
            "Use a symmetric quantizer (Brevitas: Int8WeightPerTensorFloat).",
        )
    return None


def _shifted(model: ModelWrapper, quantizer: Any) -> bool:
    """Whether a quantizer has a zero point; FINN+ takes none but 0."""
    if quantizer.op_type not in {"IntQuant", "Quant"}:
        return False
    zero_point = model.get_initializer(quantizer.input[2])
    return zero_point is not None and bool((zero_point != 0).any())


def _is_one(scale: Any) -> bool:
    return scale is not None and bool((scale == 1).all())


def _bits(model: ModelWrapper, node: Any) -> float | None:
    """Of a quantizer; None where they are not known before it is executed."""
    if node.op_type == "BipolarQuant":
        return 1
    bits = model.get_initializer(node.input[3]) if node.op_type in {"Quant", "IntQuant"} else None
    return None if bits is None else float(bits.max())
