"""Faults of FINN+ 1.6.1 that a design may meet: the condition of each, and what is said of it.

A fault is named where outputs differ: in the compile stage's verification, in the simulation, on a
board. It is blamed only where its condition holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.custom_op.registry import getCustomOp
from qonnx.util.basic import calculate_matvec_accumulator_range

SHORT_QUEUE = (
    "takes all inputs at once (SIMD = MW), and FINN+ 1.6.1's MVAU in RTL then loses results "
    "whenever what follows keeps it waiting"
)
# Float32, in which FINN+ executes layers, holds every whole number up to here.
EXACT_IN_FLOAT32 = 2**24
# Share of a quantization step by which rounding in float32 may move a value.
NEAR = 4e-6


def of_design(model: ModelWrapper) -> list[str]:
    """Why golden execution of a graph of hardware layers, or its simulation, may be off."""
    wide = [node.name for node in model.graph.node if _largest_sum(model, node) > EXACT_IN_FLOAT32]
    if not wide:
        return []
    return [
        f"{', '.join(wide)} can sum beyond 2^24, which float32, in which FINN+ executes layers, "
        "rounds. The hardware is exact; use fewer bits, or fewer inputs, for a reference that is."
    ]


def of_export(model: ModelWrapper, images: npt.NDArray[np.float32]) -> list[str]:
    """Why FINN+ may compute something else than an exported model for these images [N, F]."""
    quantizers = list(_activation_quantizers(model))
    modes = [(node.name, getCustomOp(node).get_nodeattr("rounding_mode")) for node in quantizers]
    other = [f"{name} ({mode})" for name, mode in modes if mode != "ROUND"]
    if other:
        return [
            f"{', '.join(other)}: FINN+ turns every quantizer into thresholds that round to the "
            "nearest. Train with rounding to the nearest (ROUND, Brevitas' default)."
        ]
    tied = [node.name for node in quantizers if _has_ties(model, node, images)]
    if not tied:
        return []
    return [
        f"{', '.join(tied)}: inputs lie exactly between two steps. A quantizer rounds them to the "
        "even one, FINN+'s thresholds round them up. Use scales that are no simple fractions, or "
        "a BatchNorm before the quantizer."
    ]


def _activation_quantizers(model: ModelWrapper) -> Iterator[Any]:
    for node in model.get_nodes_by_op_type("Quant"):
        if model.get_initializer(node.input[0]) is None:
            yield node


def _has_ties(model: ModelWrapper, node: Any, images: npt.NDArray[np.float32]) -> bool:
    scale, zero_point = (model.get_initializer(name) for name in node.input[1:3])
    if scale is None or zero_point is None:
        return False
    for image in images:
        feed = {model.graph.input[0].name: image[np.newaxis]}
        steps = execute_onnx(model, feed, return_full_exec_context=True)[node.input[0]] / scale
        off = np.abs((steps + zero_point) % 1 - 0.5)
        if off.min() < NEAR:
            return True
    return False


def _largest_sum(model: ModelWrapper, node: Any) -> int:
    """The largest magnitude that an MVAU can sum to; 0 for another layer."""
    if node.op_type.split("_")[0] != "MVAU":
        return 0
    weights = model.get_initializer(node.input[1])
    low, high = calculate_matvec_accumulator_range(weights, getCustomOp(node).get_input_datatype(0))
    return int(max(-low, high))
