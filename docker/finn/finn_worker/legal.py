"""Which PE and SIMD a layer of the hardware graph can have, whatever its neighbours."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from contract.finn.folding import divisors, legal_pe, legal_simd

# Of layers without a matrix: the attribute that folds them, and the one that it divides.
FOLDED_BY = {
    "ConvolutionInputGenerator": ("SIMD", "IFMChannels"),
    "FMPadding": ("SIMD", "NumChannels"),
    "Thresholding": ("PE", "NumChannels"),
    "Pool": ("PE", "Channels"),
    "VVAU": ("PE", "Channels"),
    "DuplicateStreams": ("PE", "NumChannels"),
    "GlobalAccPool": ("PE", "NumChannels"),
    "LabelSelect": ("PE", "Labels"),
    "ElementwiseAdd": ("PE", None),
}


@dataclass(frozen=True)
class Matrix:
    """One MVAU's weight matrix.

    Attributes:
        name: Of the node.
        inputs: Columns (MW).
        outputs: Rows (MH).
        pixels: How often an image goes through it.
        depthwise: An MVAU is not; see `contract.finn.folding.Layer`.
    """

    name: str
    inputs: int
    outputs: int
    pixels: int = 1
    depthwise: bool = False

    def __str__(self) -> str:
        """Such as "MVAU_0 (64 x 10)"."""
        return f"{self.name} ({self.inputs} x {self.outputs})"


def kind_of(node: Any) -> str:
    """The operator, without the variant of a specialized layer."""
    return str(node.op_type.split("_")[0])


def of_kind(model: ModelWrapper, kind: str) -> list[Any]:
    """The nodes of a kind of layer, specialised or not, in the order in which data pass them."""
    return [node for node in model.graph.node if kind_of(node) == kind]


def names(model: ModelWrapper) -> list[str]:
    """For each node, its name without the variant: MVAU_0 is the first MVAU_rtl or MVAU_hls."""
    counted: Counter[str] = Counter()
    found = []
    for node in model.graph.node:
        found.append(f"{kind_of(node)}_{counted[kind_of(node)]}")
        counted[kind_of(node)] += 1
    return found


def matrices(model: ModelWrapper) -> list[Matrix]:
    """The MVAUs' weight matrices in the order in which data pass them."""
    return [matrix(node) for node in of_kind(model, "MVAU")]


def matrix(mvau: Any) -> Matrix:
    """Of an MVAU."""
    layer = getCustomOp(mvau)
    inputs, outputs, vectors = (
        layer.get_nodeattr(name) for name in ("MW", "MH", "numInputVectors")
    )
    return Matrix(mvau.name, inputs, outputs, math.prod(vectors))


def values(node: Any) -> dict[str, list[int]]:
    """The PE and SIMD that a layer can have; empty for one that is not folded.

    A VVAU takes one pixel of a window at a time: more are not proven in simulation.
    """
    kind = kind_of(node)
    if kind == "MVAU":
        own = matrix(node)
        return {"PE": legal_pe(own), "SIMD": legal_simd(own)}
    if kind not in FOLDED_BY:
        return {}
    attribute, size = FOLDED_BY[kind]
    layer = getCustomOp(node)
    most = layer.get_nodeattr(size) if size else layer.get_normal_output_shape()[-1]
    found = {attribute: divisors(int(most))}
    return found | {"SIMD": [1]} if kind == "VVAU" else found


def folding(node: Any) -> dict[str, int]:
    """What folds a layer, as it is set: PE, SIMD, and parallel_window of a generator."""
    layer = getCustomOp(node)
    known = layer.get_nodeattr_types()
    names = [name for name in ("PE", "SIMD", "parallel_window") if name in known]
    return {name: int(layer.get_nodeattr(name)) for name in names}
