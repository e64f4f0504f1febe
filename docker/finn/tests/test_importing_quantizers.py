"""Quantizers in ONNX' own words, behind a Clip, and averages: bit by bit what the file computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from finn_worker.imported import ranges
from given_models import QONNX, Given, Runs
from stagekit import StageError
from test_importing import bit_exact, pixels

QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
INT8 = np.int8


def qcdq(
    given: Given, x: str, scale: Any, low: int | None, high: int, kind: Any = INT8, zero: int = 0
) -> str:
    """An activation, as Brevitas' export_onnx_qcdq writes it; without a Clip where low is None."""
    operands = given.constant(scale), given.constant(zero, kind)
    x = given(QUANTIZE, x, *operands)
    if low is not None:
        x = given("Clip", x, given.constant(low, kind), given.constant(high, kind))
    return given(DEQUANTIZE, x, *operands)


def weights(given: Given, *shape: int, high: int = 7, axis: int | None = None) -> str:
    """Whole numbers of INT8, a scale for all or for each of an axis, and a Clip."""
    numbers = given.rng.integers(-high, high + 1, shape)
    count = 1 if axis is None else shape[axis]
    scale = given.rng.uniform(0.1, 0.3, count) if axis is not None else 0.25
    zero = np.zeros(count, INT8) if axis is not None else np.zeros((), INT8)
    x = given(
        "Clip", given.constant(numbers, INT8), *(given.constant(n, INT8) for n in (-high, high))
    )
    more = {} if axis is None else {"axis": axis}
    return given(DEQUANTIZE, x, given.constant(scale), given.constant(zero, INT8), **more)


def test_a_model_in_onnxs_own_words_goes_all_the_way(tmp_path: Path) -> None:
    given = Given(seed=21)
    x = qcdq(given, "x", 1 / 255, None, 0, np.uint8)
    bias = given.constant(given.rng.integers(-500, 500, 4), np.int32)
    step = given.constant(1 / 4096), given.constant(0, np.int32)
    x = given("Conv", x, weights(given, 4, 1, 3, 3, axis=0), given(DEQUANTIZE, bias, *step))
    x = qcdq(given, given("Relu", x), 0.125, 0, 15, np.uint8)
    x = given("Flatten", given("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))
    x = given("MatMul", x, given("Transpose", weights(given, 8, 36), perm=[1, 0]))
    x = qcdq(given, given.norm(x, 8, 4.0), 0.25, -7, 7)
    x = given("MatMul", x, given("Transpose", weights(given, 4, 8), perm=[1, 0]))
    runs = Runs(tmp_path)
    imported, _, _ = runs.read(given.proto(x, ["n", 1, 8, 8]), pixels(1, 8, 8), np.arange(40) % 4)
    model = ModelWrapper(str(imported / "model.onnx"))
    assert not {QUANTIZE, DEQUANTIZE, "Clip"} & {node.op_type for node in model.graph.node}
    quantizers = model.get_nodes_by_op_type("Quant")
    bits = [getCustomOp(node).get_integer_datatype(model).name for node in quantizers]
    assert sorted(bits) == ["INT4"] * 4 + ["UINT4", "UINT8"]
    _, simulated = bit_exact(runs, imported)
    assert simulated["agreeing_with_torch"] + simulated["torch_ties"] == simulated["images"]


Form = Callable[[Given, str], str]
# What each leaves: operators from the BatchNormalization on.
FORMS: dict[str, tuple[Form, list[str]]] = {
    "narrow": (lambda g, x: qcdq(g, x, 0.25, -7, 7), ["Quant"]),
    "a zero point in the middle": (
        lambda g, x: qcdq(g, x, 0.1, None, 0, np.uint8, 128), ["Quant"]),
    "numbers of no width": (lambda g, x: qcdq(g, x, 0.25, -3, 5), ["MultiThreshold", "Mul"]),
    "a zero point aside": (
        lambda g, x: qcdq(g, x, 0.5, 0, 15, np.uint8, 3), ["MultiThreshold", "Mul"]),
    "a tight clip": (
        lambda g, x: g.quant(clip(g, x, -0.5, 0.6), 0.25, 4), ["MultiThreshold", "Mul"]),
    "a tight clip to 0": (lambda g, x: g.quant(clip(g, x, 0, 0.75), 0.25, 4), ["Quant"]),
    "a clip to the very ends": (
        lambda g, x: g.quant(clip(g, x, -2, 2), 2 / 7, 4, narrow=1), ["Quant"]),
    "relu6 and a signed quantizer": (
        lambda g, x: g.quant(clip(g, x, 0, 6), 1.0, 4), ["MultiThreshold"]),
}  # fmt: skip


def clip(given: Given, x: str, low: float, high: float) -> str:
    return given("Clip", x, given.constant(low), given.constant(high))


@pytest.mark.parametrize("name", FORMS)
def test_an_activation_is_what_the_file_computes(name: str, tmp_path: Path) -> None:
    """The import itself compares both, image by image."""
    form, left = FORMS[name]
    given = Given()
    x = given("MatMul", given("Flatten", "x"), given.weights(16, 8))
    x = given("MatMul", form(given, given.norm(x, 8)), given.weights(8, 4))
    folder, _, _ = Runs(tmp_path).read(given.proto(x, [1, 1, 4, 4]), pixels(1, 4, 4))
    model = ModelWrapper(str(folder / "model.onnx"))
    (node,) = model.get_nodes_by_op_type("BatchNormalization")
    kinds = []
    while (node := model.find_consumer(node.output[0])).op_type != "MatMul":
        kinds.append(node.op_type)
    assert kinds == left


@pytest.mark.parametrize(
    ("numbers", "kind"),
    [
        ((0, 15), (0, 0, 4)), ((0, 14), None), ((-8, 7), (1, 0, 4)), ((-7, 7), (1, 1, 4)),
        ((-1, 1), (1, 1, 2)), ((0, 1), None), ((0, 5), None), ((-3, 4), None), ((1, 7), None),
    ],
)  # fmt: skip
def test_the_numbers_of_a_width(numbers: tuple[int, int], kind: Any) -> None:
    assert ranges.quantizer_of(numbers) == kind


def other_scales(given: Given, x: str) -> str:
    zero = given.constant(0, INT8)
    return given(
        DEQUANTIZE, given(QUANTIZE, x, given.constant(0.5), zero), given.constant(0.25), zero
    )


def between(given: Given, x: str) -> str:
    operands = given.constant(0.25), given.constant(0, INT8)
    return given(
        DEQUANTIZE, given("Identity", given("Neg", given(QUANTIZE, x, *operands))), *operands
    )


@pytest.mark.parametrize(
    ("form", "named", "remedy"),
    [
        (other_scales, "QuantizeLinear (QuantizeLinear_0, after layer 1)", "export_qonnx"),
        (between, "QuantizeLinear (QuantizeLinear_0, after layer 1)", "nothing but a Clip"),
        (lambda g, x: clip(g, x, -1, 1), "Clip (Clip_0, after layer 1)", "quantizer right behind"),
    ],
)
def test_what_is_left_is_refused_by_its_name_and_nothing_that_follows(
    form: Form, named: str, remedy: str, tmp_path: Path
) -> None:
    given = Given()
    x = given("MatMul", given("Flatten", "x"), given.weights(16, 8))
    x = given("MatMul", form(given, x), given.weights(8, 4))
    with pytest.raises(StageError) as caught:
        Runs(tmp_path).read(given.proto(x, [1, 1, 4, 4]), pixels(1, 4, 4))
    assert caught.value.what == f"FINN+ has no hardware layer for {named}."
    assert remedy in caught.value.remedy


def image(given: Given) -> str:
    x = given("Conv", "x", given.weights(4, 1, 3, 3), kernel_shape=[3, 3])
    return given.quant(x, 0.25, 4, signed=0)


def mean(given: Given, axes: list[int], keep: int) -> str:
    x = given("ReduceMean", image(given), axes=axes, keepdims=keep)
    return given("Flatten", x) if keep else x


def truncated(given: Given, shift: int = 2, out_bits: int = 4, **more: Any) -> str:
    """An average over 4 pixels, of 6 bits with the scale of a quarter, as Brevitas exports it."""
    x = given("AveragePool", image(given), kernel_shape=[2, 2], strides=[2, 2])
    numbers = 0.25 / 4, 0.0, 6.0, 0.25 / 4 * 2**shift, float(out_bits)
    operands = [given.constant(number) for number in numbers]
    settings = {"rounding_mode": "floor", "signed": 0, "narrow": 0} | more
    return given("Flatten", given("Trunc", x, *operands, domain=QONNX, **settings))


def classified(given: Given, x: str, count: int) -> Any:
    return given.proto(given("MatMul", x, given.weights(count, 4)), ["n", 1, 8, 8])


@pytest.mark.parametrize(
    ("average", "values"),
    [
        (lambda g: mean(g, [2, 3], 0), 4),
        (lambda g: mean(g, [-1, -2], 1), 4),
        (lambda g: g("Flatten", g("AveragePool", image(g), kernel_shape=[6, 6])), 4),
        (truncated, 36),
    ],
)
def test_an_average_goes_all_the_way(
    average: Callable[[Given], str], values: int, tmp_path: Path
) -> None:
    given, runs = Given(seed=22), Runs(tmp_path)
    model = classified(given, average(given), values)
    imported, _, _ = runs.read(model, pixels(1, 8, 8), np.arange(40) % 4)
    _, simulated = bit_exact(runs, imported)
    assert simulated["agreeing_with_torch"] + simulated["torch_ties"] == simulated["images"]


def not_of_an_average(given: Given) -> str:
    x = truncated(given)
    pool = next(node for node in given.nodes if node.op_type == "AveragePool")
    pool.op_type = "MaxPool"
    return x


def oblong(given: Given) -> str:
    x = truncated(given)
    pool = next(node for node in given.nodes if node.op_type == "AveragePool")
    pool.attribute[0].ints[:] = [2, 1]
    pool.attribute[1].ints[:] = [2, 2]
    return x


@pytest.mark.parametrize(
    ("average", "what", "remedy"),
    [
        (lambda g: g("Flatten", mean(g, [1], 0)), "ReduceMean (ReduceMean_0, after layer 1)",
         "axes 2 and 3"),
        (lambda g: truncated(g, rounding_mode="ROUND"),
         "truncation Trunc_0, after layer 1, rounds by ROUND", "'floor'"),
        (lambda g: truncated(g, shift=3), "drops 2 of 6 bits, and scales by 8",
         "4 times the scale"),
        (not_of_an_average, "Trunc_0, after layer 1, is not of an average", "right behind"),
        (oblong, "AveragePool_0, after layer 1, is not over square windows", "an average over im"),
    ],
)  # fmt: skip
def test_an_average_that_cannot_be_is_refused_by_its_name(
    average: Callable[[Given], str], what: str, remedy: str, tmp_path: Path
) -> None:
    given, runs = Given(), Runs(tmp_path)
    imported, _, _ = runs.read(classified(given, average(given), 36), pixels(1, 8, 8))
    with pytest.raises(StageError) as caught:
        runs.compile(imported)
    assert what in caught.value.what
    assert remedy in caught.value.remedy
