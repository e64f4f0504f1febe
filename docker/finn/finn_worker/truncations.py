"""Averages over windows that are rounded down: AveragePool and Trunc, as Brevitas exports them.

Of version 1, a Mul by the pixels of a window stands between both, of version 2 nothing. FINN's
conversion takes them in one form only, and says little of others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.base import Transformation
from qonnx.util.basic import get_by_name

from finn_worker.imported.graph import constant
from finn_worker.unsupported import FORMS, Graph, Reason

OPERANDS = 6
"""Inputs of version 2, the fifth of which is the scale of the result."""
NEAR = 1e-5
"""Share by which a scale may be off a power of two, from rounding."""


def of(model: ModelWrapper) -> list[Any]:
    """The truncations of a model."""
    return list(model.get_nodes_by_op_type("Trunc"))


class ExactScales(Transformation):
    """The scale of a result is that of what is truncated, times a power of two, exactly."""

    def apply(self, model: ModelWrapper) -> tuple[ModelWrapper, bool]:
        """Apply the transformation."""
        for node in of(model):
            shift = _shift(model, node)
            if shift is not None and len(node.input) == OPERANDS:
                node.input[4] = constant(model, model.get_initializer(node.input[1]) * 2.0**shift)
        return model, False


def _shift(model: ModelWrapper, node: Any) -> int | None:
    """How many bits are dropped, by the scales; None where that is no whole number."""
    first, second = (model.get_initializer(node.input[index]) for index in (1, 4))
    if first is None or second is None or first.size != 1 or second.size != 1:
        return None
    ratio = float(second.reshape(-1)[0]) / float(first.reshape(-1)[0])
    shift = round(np.log2(ratio)) if ratio > 0 else 0
    return shift if abs(ratio / 2.0**shift - 1) < NEAR else None


def why_none(graph: Graph, node: Any) -> Reason | None:
    """Why FINN+ cannot take a truncation."""
    model, name = graph.model, f"The truncation {graph.place(node)},"
    newer = len(node.input) == OPERANDS
    pool = model.find_producer(node.input[0])
    if pool is not None and pool.op_type == "Mul" and not newer:
        pool = model.find_producer(pool.input[0])
    if pool is None or pool.op_type != "AveragePool":
        return Reason(f"{name} is not of an average over windows.", FORMS["Trunc"])
    mode = get_by_name(node.attribute, "rounding_mode")
    if mode is not None and mode.s.upper() != b"FLOOR":
        return Reason(
            f"{name} rounds by {mode.s.decode()}.",
            "Round down (Brevitas: TruncAvgPool2d with float_to_int_impl_type='floor').",
        )
    operands = [model.get_initializer(each) for each in node.input[1:]]
    if any(each is None or each.size != 1 for each in operands):
        return Reason(f"{name} has operands that are not one constant number each.", FORMS["Trunc"])
    numbers = [float(each.reshape(-1)[0]) for each in operands]
    if numbers[1]:
        return Reason(f"{name} has a zero point other than 0.", "Use symmetric quantizers.")
    dropped = round(numbers[2] - numbers[-1])
    if newer and _shift(model, node) != dropped:
        return Reason(
            f"{name} drops {dropped} of {numbers[2]:g} bits, and scales by "
            f"{numbers[3] / numbers[0]:.6g}.",
            f"Give its result {2.0**dropped:g} times the scale of what it truncates.",
        )
    return _of_windows(pool, graph.place(pool))


def _of_windows(pool: Any, place: str) -> Reason | None:
    found = {item.name: list(item.ints) for item in pool.attribute}
    square = all(len(set(found.get(name, [1]))) == 1 for name in ("kernel_shape", "strides"))
    if square and not any(found.get("pads", [])):
        return None
    return Reason(
        f"The average {place}, is not over square windows in equal steps, without padding.",
        "Use such windows, or an average over images.",
    )
