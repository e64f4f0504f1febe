"""One bit, -1 or +1, or 0 or 1, as two: what an MVAU in RTL takes instead of BIPOLAR and BINARY.

It multiplies, where FINN's HLS variant counts matching bits (XNOR). Cycles are the same; memories
of weights are twice as large.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.base import Transformation
from qonnx.transformation.infer_datatypes import InferDataTypes

BIPOLAR, BINARY = DataType["BIPOLAR"], DataType["BINARY"]
WIDER = {BIPOLAR.name: DataType["INT2"], BINARY.name: DataType["UINT2"]}
# Sums of integers in float32 are exact to here.
LARGEST_SUM = 2.0**24


class OneBitAsTwo(Transformation):
    """Weights, activations and the input become INT2 or UINT2 of the same values."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Apply the transformation."""
        _widen(model, model.graph.input[0].name)
        for node in model.graph.node:
            if node.op_type == "MatMul" and model.get_tensor_datatype(node.input[1]) == BIPOLAR:
                _widen(model, node.input[1])
            if node.op_type == "MultiThreshold":
                _give_four_levels(node, model)
        return model.transform(InferDataTypes()), False


def _widen(model: ModelWrapper, tensor: str) -> None:
    datatype = model.get_tensor_datatype(tensor)
    model.set_tensor_datatype(tensor, WIDER.get(datatype.name, datatype))


def _give_four_levels(node: Any, model: ModelWrapper) -> None:
    """Of the levels -2 to 1, or 0 to 3, two are never given."""
    quantizer = getCustomOp(node)
    one_bit = quantizer.get_nodeattr("out_dtype")
    if one_bit not in WIDER:
        return
    threshold = model.get_initializer(node.input[1])
    datatype = model.get_tensor_datatype(node.input[0])
    least, most = -LARGEST_SUM, LARGEST_SUM
    if datatype.is_integer():
        least, most = datatype.min(), datatype.max() + 1
    reached = np.full_like(threshold, min(least, threshold.min()))
    beyond = np.full_like(threshold, max(most, threshold.max()))
    levels = (reached, threshold, threshold)
    if one_bit == BINARY.name:
        levels = (threshold, beyond, beyond)
    model.set_initializer(node.input[1], np.concatenate(levels, axis=1))
    quantizer.set_nodeattr("out_dtype", WIDER[one_bit].name)
    quantizer.set_nodeattr("out_scale", 1.0)
    quantizer.set_nodeattr("out_bias", -2.0 if one_bit == BIPOLAR.name else 0.0)
