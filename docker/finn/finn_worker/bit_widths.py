"""Narrow weights, accumulators and thresholds to what their values need and RTL takes."""

from __future__ import annotations

from typing import Any, Literal

from finn.transformation.fpgadataflow.minimize_weight_bit_width import MinimizeWeightBitWidth
from finn.transformation.streamline.round_thresholds import RoundAndClipThresholds
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.infer_datatypes import InferDataTypes

LEAST_WEIGHT_BITS = 2
_WITH_WEIGHTS = frozenset({"MVAU", "VVAU"})
_SUMS = _WITH_WEIGHTS | {"ElementwiseAdd", "GlobalAccPool", "Pool"}


def minimize(model: ModelWrapper) -> ModelWrapper:
    """FINN's own minimisation, with types that an MVAU in RTL takes.

    Thresholds are rounded before their width is looked at, else those of a type that their input
    does not have fail in a bare assertion.
    """
    for transformation in (
        MinimizeAccumulators(),
        RoundAndClipThresholds(),
        InferDataTypes(),
        MinimizeWeights(),
        InferDataTypes(),
    ):
        model = model.transform(transformation)
    return model


class MinimizeWeights(MinimizeWeightBitWidth):
    """FINN+'s minimisation, but for types that its MVAU in RTL refuses.

    Weights that are all positive, say, get an unsigned type, and -4..3 the 3 bits of which -4 is
    the most negative number. The RTL takes signed types of at least 2 bits, in a narrow range
    where the DSP slices are those of the 7 series.
    """

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, Literal[False]]:
        """Apply the transformation."""
        model, again = super().apply(model)
        for node, layer in _with_weights(model):
            weights = model.get_initializer(node.input[1])
            own = layer.get_input_datatype(1)
            if own.signed() and own.bitwidth() >= LEAST_WEIGHT_BITS and own.min() < weights.min():
                continue
            bits = int(abs(weights).max()).bit_length() + 1
            wide_enough = DataType[f"INT{max(bits, LEAST_WEIGHT_BITS)}"]
            layer.set_nodeattr("weightDataType", wide_enough.name)
        return model, again


class MinimizeAccumulators(Transformation):
    """FINN+'s minimisation, but for weights that are all 0: their sums would get no bits at all."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, Literal[False]]:
        """Apply the transformation."""
        for index in range(len(model.graph.node)):
            node = model.graph.node[index]
            kind = node.op_type.split("_")[0]
            if kind not in _SUMS:
                continue
            zeros = False
            if kind in _WITH_WEIGHTS:
                weights = model.get_initializer(node.input[1])
                if weights is None:
                    continue
                zeros = not weights.any()
            getCustomOp(node).minimize_accumulator_width(model, datatype_only=zeros)
            if kind not in _WITH_WEIGHTS:
                # What it sums may just have become narrower.
                model = model.transform(InferDataTypes())
        return model.transform(InferDataTypes()), False


def _with_weights(model: ModelWrapper) -> list[tuple[Any, Any]]:
    """Layers with constant weights."""
    return [
        (node, getCustomOp(node))
        for node in model.graph.node
        if node.op_type.split("_")[0] in _WITH_WEIGHTS
        and model.get_initializer(node.input[1]) is not None
    ]
