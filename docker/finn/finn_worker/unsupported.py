"""What of a network has no place in the accelerator: the node, its layer, and what to use instead.

A fault in one layer leaves the nodes after it unconverted, too. Only the first one of each chain
is blamed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from finn.util.basic import get_dsp_block, get_dsp_datapath_limits
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.general import SortGraph

from contract.text import counted
from finn_worker.rtl import layers
from stagekit import StageError

HARDWARE = "finn.custom_op.fpgadataflow"
AFFINE = frozenset({"Add", "Div", "Mul", "Sub"})
PRODUCTS = frozenset({"Gemm", "MatMul"})
MATRICES = frozenset({"Conv", "Gemm", "MVAU", "MatMul", "VVAU"})
# Before the first layer they are the host's: it sends images with their channels last.
SHAPES = frozenset({"Flatten", "Reshape", "Transpose"})
QUANTIZERS = frozenset({"BipolarQuant", "FloatQuant", "IntQuant", "Quant"})
# They leave the largest logit where it is.
DECISIONS = frozenset({"ArgMax", "LogSoftmax", "Sigmoid", "Softmax", "Tanh", "TopK"})
ACTIVATIONS = frozenset(
    {"Clip", "Elu", "Gelu", "HardSigmoid", "LeakyRelu", "PRelu", "Relu", "Sigmoid", "Tanh"}
)
# What exported models are made of; whether a node can be converted is seen when it is.
KNOWN = (
    AFFINE
    | MATRICES
    | SHAPES
    | QUANTIZERS
    | frozenset({"AveragePool", "BatchNormalization", "GlobalAveragePool", "Im2Col", "MaxPool"})
    | frozenset({"MaxPoolNHWC", "MultiThreshold", "Pad", "QuantAvgPool2d", "ReduceMean", "Relu"})
    | frozenset({"Trunc"})
)
# FINN+ executes layers in float32, which holds whole numbers of one sign up to 2**24.
LARGEST_WEIGHT_BITS = 25
LEAST_BITS, LARGEST_QUANTIZER_BITS = 2, 8
SUPPORTED = (
    "Supported are fully connected and convolutional layers with quantized weights, "
    f"each followed by a quantizer of at most {LARGEST_QUANTIZER_BITS} bits, maxima over windows, "
    "averages over images, sums of two branches, and one scale and bias per class at the end."
)

LEAVE_OUT = "Leave it out of the exported network: the host takes the largest logit."
QUANTIZE = "Use a quantizer in its place: Brevitas' QuantReLU, QuantHardTanh or QuantIdentity."
# Of operators that are taken in some forms, what these are.
_IN_ONE_PLACE = (
    "QuantizeLinear and DequantizeLinear need the same constant scale and zero point, one for all "
    "of an activation, and nothing but a Clip between them; or export QONNX (export_qonnx)."
)
FORMS = {
    "Clip": "Put a quantizer right behind it, with one scale: both become one layer.",
    "DequantizeLinear": _IN_ONE_PLACE,
    "QuantizeLinear": _IN_ONE_PLACE,
    "Pad": "Pad with zeros, right in front of a convolution, or have that pad (padding=...).",
    "ReduceMean": "Average over height and width of an image, axes 2 and 3, or use a convolution.",
    "Trunc": "Use it right behind an average over windows (Brevitas: TruncAvgPool2d).",
}


NO_LAYER = StageError(
    "The model has no layer with quantized weights.", "Export a quantized network."
)


@dataclass(frozen=True)
class Reason:
    """Why a node is not hardware.

    Attributes:
        what: One sentence.
        remedy: One sentence.
    """

    what: str
    remedy: str


def check_known(model: ModelWrapper) -> None:
    """Whether there is a chance for every operator of a model that nobody has vouched for.

    Raises:
        StageError: Names those for which there is none.
    """
    graph = Graph(model)
    nodes = [node for node in model.graph.node if graph.is_dynamic(node)]
    unknown = [node for node in nodes if node.op_type not in KNOWN]
    spoilt = {name for node in unknown for name in node.output}
    first = [graph.of_other(node) for node in unknown if spoilt.isdisjoint(node.input)]
    first += filter(None, map(graph.of_operands, nodes))
    if first:
        raise refusal(first)


def check_converted(model: ModelWrapper) -> None:
    """Whether all but the host's share of the model has become hardware layers.

    Raises:
        StageError: Names the nodes at fault.
    """
    if not any(node.domain.startswith(HARDWARE) for node in model.graph.node):
        check_known(model)  # what stops the first layer stops all
        raise NO_LAYER
    reasons = list(Graph(model).reasons())
    if reasons:
        raise refusal(reasons)


def check_all_rtl(model: ModelWrapper, part: str) -> None:
    """Whether every layer of a specialised model is in RTL, or has Verilog of ours.

    Raises:
        StageError: Names those that are not, and why FINN+ has no RTL for them.
    """
    graph = Graph(model)
    others = [
        node
        for node in model.graph.node
        if not node.op_type.endswith("_rtl") and not layers.has(node.op_type)
    ]
    if others:
        raise refusal([_no_rtl(graph, node, part) for node in others])


def tail(model: ModelWrapper) -> list[Any]:
    """The host's share: the final nodes that are at most one Mul and one Add, with constants."""
    nodes = list(model.graph.node)
    found: list[Any] = []
    for kind in ("Add", "Mul"):
        if nodes and nodes[-1].op_type == kind and constant(model, nodes[-1]) is not None:
            found.insert(0, nodes.pop())
    return found


def head(model: ModelWrapper) -> list[Any]:
    """The host's share before the first layer: nodes that move the values of an image only."""
    tensor = model.graph.input[0].name
    found: list[Any] = []
    while True:
        nodes = model.find_consumers(tensor)
        if len(nodes) != 1 or nodes[0].op_type not in SHAPES:
            return found
        found.append(nodes[0])
        tensor = nodes[0].output[0]


def constant(model: ModelWrapper, node: Any) -> Any:
    """The constant among a node's inputs; None where there is none."""
    values = [model.get_initializer(name) for name in node.input]
    return next((value for value in values if value is not None), None)


class Graph:
    """A model with, for every tensor, the number of layers that it has passed."""

    def __init__(self, model: ModelWrapper) -> None:
        self.model = model = model.transform(SortGraph())
        self._passed = {model.graph.input[0].name: 0}
        for node in model.graph.node:
            if self.is_dynamic(node):
                passed = self.layers_before(node) + (_kind(node) in MATRICES)
                self._passed |= dict.fromkeys(node.output, passed)

    def is_dynamic(self, node: Any) -> bool:
        """Whether it depends on the image."""
        return any(name in self._passed for name in node.input)

    def layers_before(self, node: Any) -> int:
        """How many layers an image passes before it."""
        return max(self._passed[name] for name in node.input if name in self._passed)

    def place(self, node: Any) -> str:
        """Such as "MVAU_0, layer 1" or "Tanh_0, after layer 1"."""
        before = self.layers_before(node)
        if _kind(node) in MATRICES:
            return f"{node.name}, layer {before + 1}"
        return f"{node.name}, after layer {before}" if before else f"{node.name}, on the input"

    def reasons(self) -> Iterator[Reason]:
        """Why nodes are left; of those that depend on each other, the first one's."""
        host = {node.name for node in [*head(self.model), *tail(self.model)]}
        spoilt: set[str] = set()
        for node in self.model.graph.node:
            if not self.is_dynamic(node) or node.name in host:
                continue
            reason = None if spoilt.intersection(node.input) else self._reason(node)
            if reason is not None:
                yield reason
            is_layer = node.domain.startswith(HARDWARE) and reason is None
            # Behind a Thresholding values are integers again, whatever came before.
            if reason is not None or (spoilt.intersection(node.input) and not is_layer):
                spoilt.update(node.output)

    def _reason(self, node: Any) -> Reason | None:
        kind = _kind(node)
        if kind in {"MVAU", "VVAU"}:
            return self._too_wide(node)
        if node.domain.startswith(HARDWARE):
            return None
        if kind in AFFINE:
            return self._of_affine(node)
        if kind in QUANTIZERS:
            return Reason(
                f"FINN+ makes no thresholds of the quantizer {self.place(node)}.",
                "Use a constant scale and bit width, and a zero point of 0.",
            )
        own = {"MatMul": self._of_matmul, "Transpose": self._of_transpose}
        return own.get(kind, self.of_other)(node)

    def _too_wide(self, mvau: Any) -> Reason | None:
        bits = self.model.get_tensor_datatype(mvau.input[1]).bitwidth()
        if bits <= LARGEST_WEIGHT_BITS:
            return None
        return Reason(
            f"The weights of layer {self.layers_before(mvau) + 1} ({mvau.name}) have {bits} bits.",
            f"Use at most {LARGEST_WEIGHT_BITS}: FINN+ computes in float32, and the DSP slices "
            "take no more.",
        )

    def _of_affine(self, node: Any) -> Reason | None:
        """A scale or shift is at fault where nothing follows that explains it."""
        follower = self.model.find_consumer(node.output[0])
        if follower is None:
            return Reason(
                f"{node.op_type} ({self.place(node)}) is more than the host computes at the end.",
                "Keep to one scale and then one bias per class.",
            )
        if _kind(follower) != "Thresholding":
            return None
        layer, values = self.layers_before(node), constant(self.model, node)
        if node.op_type == "Mul" and values is not None and (values < 0).any():
            return Reason(
                f"Layer {layer}: the signs of the scales that follow it ({node.name}) cannot be "
                "moved into its weights, which hold the most negative number of their bits.",
                "Use weights in a narrow range, without that number (Brevitas: "
                "weight_narrow_range=True).",
            )
        if node.op_type == "Add" and values is None:
            return Reason(
                f"The two branches that {node.name} adds, after layer {layer}, have scales or "
                "zero points of their own.",
                "Quantize both with one quantizer: Brevitas' QuantIdentity, called on either.",
            )
        return Reason(f"{node.op_type} ({self.place(node)}) is left before thresholds.", SUPPORTED)

    def _of_matmul(self, node: Any) -> Reason:
        layer = self.layers_before(node) + 1
        weights = self.model.get_initializer(node.input[1])
        if weights is None or not self.model.get_tensor_datatype(node.input[1]).is_integer():
            return Reason(
                f"The weights of layer {layer} ({node.name}) are not quantized.",
                "Use Brevitas' QuantLinear or QuantConv2d, which quantize their weights.",
            )
        source, between = self._source(node.input[0])
        if source is not None and _kind(source) == "Thresholding" and between:
            return self._scaled_by_channel(source, f"layer {layer} ({node.name})")
        if source is not None and _kind(source) in MATRICES:
            return Reason(
                f"No quantizer stands between layer {layer - 1} and layer {layer} ({node.name}).",
                "Put one there: a layer takes integers.",
            )
        return Reason(
            f"FINN+ makes no hardware layer of {node.op_type} ({self.place(node)}).", SUPPORTED
        )

    def _scaled_by_channel(self, thresholds: Any, before: str) -> Reason:
        return Reason(
            f"The quantizer {self.place(thresholds)}, has a scale or zero point of its own for "
            f"each channel, which stays in front of {before}.",
            "Use one scale for all channels (Brevitas: scaling_per_output_channel=False on "
            "activations).",
        )

    def _of_transpose(self, node: Any) -> Reason:
        """Streamlining moves channels last; what keeps it from doing so is at fault."""
        source, _ = self._source(node.input[0])
        end = self._end(node)
        if end is None:
            return self._of_image(node)
        if end.op_type == "AveragePool":
            return Reason(
                f"The average {self.place(end)}, is not rounded to whole numbers.",
                "Use a maximum over windows, a convolution of stride 2, or an average over images.",
            )
        if _kind(end) in MATRICES and source is not None and _kind(source) == "Thresholding":
            return self._scaled_by_channel(source, self.place(end))
        return self.of_other(end)

    def _of_image(self, transpose: Any) -> Reason:
        """The output is one, were it of one pixel, as that of a convolution over a whole image."""
        _, channels, *pixels = self.model.get_tensor_shape(transpose.output[0])
        size = "x".join(map(str, pixels))
        return Reason(
            f"The output is an image of {size} pixels, after layer "
            f"{self.layers_before(transpose)}.",
            "End with a fully connected layer: the host takes one value for each class."
            if math.prod(pixels) > 1
            else "Flatten the input of the last layer, and make that a fully connected one with "
            f"{counted(channels, 'output')}: as a convolution over the whole image, it has the "
            "same weights.",
        )

    def _end(self, node: Any) -> Any:
        """The first node from here on that computes something; None at the output."""
        while node is not None and node.op_type in AFFINE | SHAPES:
            node = self.model.find_consumer(node.output[0])
        return node

    def of_operands(self, node: Any) -> Reason | None:
        """An operator of two operands that can have only one of them depend on the image."""
        depend = [name in self._passed for name in node.input[:2]]
        kind = f"{node.op_type} ({self.place(node)})"
        if all(depend) and len(depend) > 1 and node.op_type in {"Div", "Mul", "Sub", *PRODUCTS}:
            return Reason(
                f"{kind} is of two tensors that depend on the image.",
                "Of these, only sums are layers in hardware; multiply by weights or constants.",
            )
        if depend == [False, True] and node.op_type in PRODUCTS:
            return Reason(
                f"{kind} has its weights in front of what it multiplies.",
                "Put the image first, one row for each: x @ W, as torch.nn.Linear does.",
            )
        return None

    def of_other(self, node: Any) -> Reason:
        """An operator that FINN+ has no layer for."""
        what = f"FINN+ has no hardware layer for {node.op_type} ({self.place(node)})."
        if node.op_type in FORMS:
            return Reason(what, FORMS[node.op_type])
        if not self._leads_to_a_layer(node):
            return Reason(what, LEAVE_OUT if node.op_type in DECISIONS else SUPPORTED)
        return Reason(what, QUANTIZE if node.op_type in ACTIVATIONS else SUPPORTED)

    def _source(self, tensor: str) -> tuple[Any, list[Any]]:
        """What a tensor comes from but for scales and shifts, and those."""
        between: list[Any] = []
        node = self.model.find_producer(tensor)
        while node is not None and node.op_type in AFFINE:
            between.append(node)
            tensor = next((name for name in node.input if name in self._passed), "")
            node = self.model.find_producer(tensor)
        return node, between

    def _leads_to_a_layer(self, node: Any) -> bool:
        followers = self.model.find_direct_successors(node) or []
        return any(_kind(next_) in MATRICES or self._leads_to_a_layer(next_) for next_ in followers)


def _no_rtl(graph: Graph, node: Any, part: str) -> Reason:
    where = f"FINN+ has no RTL for {graph.place(node)}, on {part}: "
    if _kind(node) != "MVAU":
        return Reason(f"{where}{_kind(node)} is a layer in HLS only.", SUPPORTED)
    layer, dsp = getCustomOp(node), get_dsp_block(part)
    found = {
        "inputs": layer.get_input_datatype(0).bitwidth(),
        "weights": layer.get_input_datatype(1).bitwidth(),
        "sums": layer.get_output_datatype().bitwidth(),
    }
    most = dict(zip(found, get_dsp_datapath_limits(dsp), strict=True))
    least = {"inputs": LEAST_BITS, "weights": LEAST_BITS, "sums": 1}
    off = [
        f"its {name} have {counted(bits, 'bit')}, {least[name]} to {most[name]} can be"
        for name, bits in found.items()
        if not least[name] <= bits <= most[name]
    ]
    return Reason(
        where + (", ".join(off) or f"its types do not suit the {dsp}") + ".",
        f"Use quantizers of {LEAST_BITS} to {LARGEST_QUANTIZER_BITS} bits, or bipolar ones.",
    )


def _kind(node: Any) -> str:
    """The operator, without the variant of a hardware layer."""
    return str(node.op_type.split("_")[0])


def refusal(reasons: list[Reason]) -> StageError:
    remedies = dict.fromkeys(reason.remedy for reason in reasons)
    return StageError(" ".join(reason.what for reason in reasons), " ".join(remedies))
