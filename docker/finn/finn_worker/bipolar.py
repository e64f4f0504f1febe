"""One bit, -1 or +1, as two: what an MVAU in RTL takes instead of BIPOLAR.

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

BIPOLAR, PAIR = DataType["BIPOLAR"], DataType["INT2"]
# Sums of integers in float32 are exact to here.
LARGEST_SUM = 2.0**24


class BipolarAsInt2(Transformation):
    """Weights and activations of BIPOLAR become INT2 of the same values."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Apply the transformation."""
        for node in model.graph.node:
            if node.op_type == "MatMul" and model.get_tensor_datatype(node.input[1]) == BIPOLAR:
                model.set_tensor_datatype(node.input[1], PAIR)
            if node.op_type == "MultiThreshold":
                _give_four_levels(node, model)
        return model.transform(InferDataTypes()), False


def _give_four_levels(node: Any, model: ModelWrapper) -> None:
    """Of the levels -2 to 1, the first and the third are never given."""
    quantizer = getCustomOp(node)
    if quantizer.get_nodeattr("out_dtype") != BIPOLAR.name:
        return
    threshold = model.get_initializer(node.input[1])
    datatype = model.get_tensor_datatype(node.input[0])
    least = datatype.min() if datatype.is_integer() else -LARGEST_SUM
    reached = np.full_like(threshold, min(least, threshold.min()))
    model.set_initializer(node.input[1], np.concatenate([reached, threshold, threshold], axis=1))
    quantizer.set_nodeattr("out_dtype", PAIR.name)
    quantizer.set_nodeattr("out_scale", 1.0)
    quantizer.set_nodeattr("out_bias", -2.0)
