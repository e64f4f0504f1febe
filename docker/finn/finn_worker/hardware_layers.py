"""What each layer of a hardware graph is, for people: its work, shapes, types, legal foldings."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from contract.text import counted
from finn_worker import legal, unsupported

_HOST_WORK = {
    "Transpose": "channels last",
    "Flatten": "an image as a row",
    "Reshape": "an image as a row",
}


def describe(dataflow: ModelWrapper) -> list[dict[str, Any]]:
    """Each layer, in the order in which data pass them.

    Each has name, kind, what, input_shape and output_shape (without the batch), their datatypes,
    weights (their datatype), mw and mh (of an MVAU), and pe and simd: the values that these can
    have. What a layer does not have is None.

    Args:
        dataflow: Of hardware layers that are not specialised yet.
    """
    return [_describe(node) for node in dataflow.graph.node]


def left_to_the_host(converted: ModelWrapper) -> dict[str, list[dict[str, str]]]:
    """What the host does before and after the accelerator: operator and work of each node.

    Args:
        converted: A model of hardware layers that is not partitioned yet.
    """
    before = [
        {"op": node.op_type, "what": _HOST_WORK.get(node.op_type, "")}
        for node in unsupported.head(converted)
    ]
    after = [
        {"op": n.op_type, "what": _tail_work(converted, n)} for n in unsupported.tail(converted)
    ]
    return {"before": before, "after": after}


def _tail_work(model: ModelWrapper, node: Any) -> str:
    values = unsupported.constant(model, node)
    what = "scale" if node.op_type == "Mul" else "shift"
    return f"one {what}" if values.size == 1 else f"a {what} for each output"


def _describe(node: Any) -> dict[str, Any]:
    layer, kind = getCustomOp(node), legal.kind_of(node)
    has_weights = kind in {"MVAU", "VVAU"}
    return {
        "name": node.name,
        "kind": kind,
        "what": _work(kind, layer),
        "input_shape": _shape(layer.get_normal_input_shape()),
        "output_shape": _shape(layer.get_normal_output_shape()),
        "input_datatype": layer.get_input_datatype().name,
        "output_datatype": layer.get_output_datatype().name,
        "weights": layer.get_input_datatype(1).name if has_weights else None,
        "mw": int(layer.get_nodeattr("MW")) if kind == "MVAU" else None,
        "mh": int(layer.get_nodeattr("MH")) if kind == "MVAU" else None,
        "pe": legal.values(node).get("PE"),
        "simd": legal.values(node).get("SIMD"),
    }


def _shape(shape: Any) -> list[int]:
    return [int(size) for size in shape[1:]]


def _work(kind: str, layer: Any) -> str:
    said = _WORK.get(kind)
    return said(layer.get_nodeattr) if said else ""


def _matrix(of: Callable[[str], Any]) -> str:
    pixels = math.prod(of("numInputVectors"))
    each = f" for {pixels:,} pixels" if pixels > 1 else ""
    return f"{of('MW')} x {of('MH')}{each}"


def _window(sizes: Any) -> str:
    return "x".join(map(str, sizes))


_WORK: dict[str, Callable[[Callable[[str], Any]], str]] = {
    "MVAU": _matrix,
    "VVAU": lambda of: f"{_window(of('Kernel'))} of each of {counted(of('Channels'), 'channel')}",
    "ConvolutionInputGenerator": lambda of: (
        f"windows of {_window(of('ConvKernelDim'))}, stride {of('Stride')[0]}"
    ),
    "Pool": lambda of: (
        f"{'maximum' if of('Function') == 'MaxPool' else 'mean'} of {_window(of('KernelSize'))}"
    ),
    "Thresholding": lambda of: (
        f"{counted(of('numSteps'), 'threshold')}, {counted(of('NumChannels'), 'channel')}"
    ),
    "FMPadding": lambda of: f"zeros around {_window(of('ImgDim'))} pixels",
    "DuplicateStreams": lambda of: f"to {of('NumOutputStreams')} branches",
    "ElementwiseAdd": lambda of: "the sum of two branches",  # noqa: ARG005
    "GlobalAccPool": lambda of: "the sum over an image",  # noqa: ARG005
    "LabelSelect": lambda of: f"the largest of {of('Labels')}",
}
