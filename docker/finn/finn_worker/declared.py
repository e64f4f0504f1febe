"""Which hardware layer each layer with weights of an exported network has become.

A network that branches is declared in one order and numbered in another: FINN+ may put a shortcut
before the branch. Layers are told apart by their weights, which streamlining scales and whose signs
it may turn, output by output.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.fold_constants import FoldConstants
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_shapes import InferShapes
from qonnx.util.basic import get_by_name

from contract.finn.folding import divisors
from finn_worker.legal import kind_of
from finn_worker.streamlining import branches, is_depthwise
from stagekit import StageError

# Relative to the largest weight of an output: scales are float32, weights whole numbers.
TOLERANCE = 1e-4

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weighted:
    """A layer with weights, of either graph.

    Attributes:
        name: Of its node.
        weights: [outputs, inputs]; of a convolution, the inputs are (row, column, channel).
        pixels: How often an image goes through it.
        depthwise: Whether each output has an input channel of its own.
        flattened: Whether its inputs may be an image's values, which the hardware reorders.
    """

    name: str
    weights: Floats
    pixels: int
    depthwise: bool = False
    flattened: bool = False

    @property
    def form(self) -> tuple[bool, tuple[int, ...], int]:
        """What has to be the same in both graphs."""
        return self.depthwise, self.weights.shape, self.pixels

    def __str__(self) -> str:
        """Such as "MVAU_0 (64 x 10)": inputs and outputs."""
        outputs, inputs = self.weights.shape
        return f"{self.name} ({inputs} x {outputs})"


def order(exported: ModelWrapper, dataflow: ModelWrapper) -> list[str]:
    """Names in `dataflow` of the layers with weights of `exported`, in the order of its nodes.

    Args:
        exported: As it was read: any transformation sorts its nodes anew.
        dataflow: Of hardware layers that are not specialised yet.

    Raises:
        StageError: The graphs have different layers, or it is not clear which is which.
    """
    outputs = [node.output[0] for node in exported.graph.node]
    exported = exported.transform(InferShapes()).transform(GiveUniqueNodeNames())
    declared, hardware = list(_exported(exported, outputs)), list(_hardware(dataflow))
    if sorted(layer.form for layer in declared) != sorted(layer.form for layer in hardware):
        raise StageError(
            f"The layers of the network are {_list(declared)}; in hardware they are "
            f"{_list(hardware)}.",
            "Fold the layers by the names that they have in hardware: MVAU_0 and so on.",
        )
    if not branches(dataflow) and all(len(node.output) == 1 for node in dataflow.graph.node):
        return [layer.name for layer in hardware]
    places = _matched(declared, hardware, _Paths(exported), _Paths(dataflow))
    return [hardware[place].name for place in places]


def _exported(model: ModelWrapper, outputs: Sequence[str]) -> Iterator[Weighted]:
    """The layers of a model in the order in which they have the first `outputs`."""
    model = model.transform(FoldConstants(exclude_op_types=[]))
    for node in sorted(model.graph.node, key=lambda node: outputs.index(node.output[0])):
        weights = model.get_initializer(node.input[1]) if len(node.input) > 1 else None
        if weights is None or node.op_type not in {"Conv", "Gemm", "MatMul"}:
            continue
        shape = model.get_tensor_shape(node.output[0])
        if node.op_type == "Conv":
            rows = np.moveaxis(weights, 1, -1).reshape(len(weights), -1)
            depthwise = is_depthwise(node) and weights.shape[1] == 1
            yield Weighted(node.name, rows.astype(float), math.prod(shape[2:]), depthwise)
            continue
        turned = node.op_type == "Gemm" and bool(_integer(node, "transB"))
        rows = (weights if turned else weights.T).astype(float)
        yield Weighted(node.name, rows, math.prod(shape[1:-1]), flattened=True)


def _hardware(model: ModelWrapper) -> Iterator[Weighted]:
    for node in model.graph.node:
        if kind_of(node) not in {"MVAU", "VVAU"}:
            continue
        weights = model.get_initializer(node.input[1]).astype(float)
        depthwise = kind_of(node) == "VVAU"
        name = "Dim" if depthwise else "numInputVectors"
        pixels = math.prod(getCustomOp(node).get_nodeattr(name))
        rows = weights.reshape(len(weights), -1) if depthwise else weights.T
        yield Weighted(node.name, rows, pixels, depthwise)


def _matched(
    declared: Sequence[Weighted],
    hardware: Sequence[Weighted],
    declared_paths: _Paths,
    hardware_paths: _Paths,
) -> list[int]:
    """For each declared layer, the place of its hardware layer."""
    units = [_unit(layer.weights) for layer in hardware]
    alike = [
        frozenset(
            place
            for place, other in enumerate(hardware)
            if layer.form == other.form and any(_close(m, units[place]) for m in _layouts(layer))
        )
        for layer in declared
    ]
    places = [-1] * len(declared)
    for candidates in dict.fromkeys(alike):
        own = [number for number, each in enumerate(alike) if each == candidates]
        rows = [declared[n].name for n in own], [hardware[p].name for p in sorted(candidates)]
        if len(own) != len(candidates):
            raise _unclear(rows[0], rows[1])
        in_order = declared_paths.in_a_row(rows[0]) and hardware_paths.in_a_row(rows[1])
        if len(own) > 1 and not in_order:
            raise _unclear(rows[0], rows[1])
        for number, place in zip(own, sorted(candidates), strict=True):
            places[number] = place
    return places


def _layouts(layer: Weighted) -> Iterator[Floats]:
    """The matrix in every order of inputs that the hardware may have, its signs normalised.

    A layer behind a Flatten takes an image channel by channel, and in hardware pixel by pixel.
    """
    outputs, inputs = layer.weights.shape
    for pixels in divisors(inputs) if layer.flattened else [1]:
        by_channel = layer.weights.reshape(outputs, inputs // pixels, pixels)
        yield _unit(by_channel.swapaxes(1, 2).reshape(outputs, inputs))


def _unit(rows: Floats) -> Floats:
    """Each row with a largest magnitude of 1, and a positive first weight that is not 0."""
    most = np.abs(rows).max(axis=1, keepdims=True)
    first = np.take_along_axis(rows, (rows != 0).argmax(axis=1)[:, np.newaxis], axis=1)
    return rows / np.where(most == 0, 1, most) * np.where(first < 0, -1, 1)


def _close(left: Floats, right: Floats) -> bool:
    return bool(np.abs(left - right).max() < TOLERANCE)


class _Paths:
    """What of a graph comes after what."""

    def __init__(self, model: ModelWrapper) -> None:
        self._model = model
        self._nodes = {node.name: node for node in model.graph.node}

    def in_a_row(self, names: Sequence[str]) -> bool:
        """Whether data pass each node after the one before it."""
        return all(after in self._behind(before) for before, after in pairwise(names))

    def _behind(self, name: str) -> set[str]:
        found: set[str] = set()
        ahead = [self._nodes[name]]
        while ahead:
            followers = self._model.find_direct_successors(ahead.pop()) or []
            ahead += [node for node in followers if node.name not in found]
            found.update(node.name for node in followers)
        return found


def _unclear(declared: Sequence[str], hardware: Sequence[str]) -> StageError:
    return StageError(
        f"It is not clear which of {', '.join(hardware) or 'no hardware layers'} is which of the "
        f"network's {', '.join(declared)}: their weights are "
        + ("equal." if hardware else "others than in hardware."),
        "Fold the layers by the names that they have in hardware: MVAU_0 and so on.",
    )


def _list(layers: Sequence[Weighted]) -> str:
    return ", ".join(map(str, layers)) or "none"


def _integer(node: Any, name: str) -> int:
    found = get_by_name(node.attribute, name)
    return 0 if found is None else int(found.i)
