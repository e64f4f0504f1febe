"""Models that are legal and odd, or nearly legal: taken, or refused by the node and the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from finn_worker.imported import stage
from given_models import Given, Runs
from stagekit import StageError
from test_importing import bit_exact, pixels

Model = Callable[[Given], onnx.ModelProto]
SHAPE = ["n", 1, 8, 8]


def ended(given: Given, x: str, values: int) -> onnx.ModelProto:
    return given.proto(given("MatMul", given("Flatten", x), given.weights(values, 4)), SHAPE)


def conv(given: Given, x: str, *shape: int, **settings: Any) -> str:
    x = given("Conv", x, given.weights(*shape), kernel_shape=list(shape[2:]), **settings)
    return given.quant(x, 0.25, 3, signed=0)


def hidden(given: Given, bits: float = 3, scale: float = 0.5) -> str:
    x = given("MatMul", given("Flatten", "x"), given.weights(64, 8))
    return given.quant(x, scale, bits)  # type: ignore[arg-type]


def dangling(given: Given) -> onnx.ModelProto:
    model = ended(given, "x", 64)
    model.graph.node[0].input[0] = "nowhere"
    return model


def unsorted(given: Given) -> onnx.ModelProto:
    model = ended(given, "x", 64)
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def of_its_input(given: Given) -> onnx.ModelProto:
    hidden(given)
    return given.proto("x", SHAPE)


def deciding(given: Given) -> onnx.ModelProto:
    x = hidden(given)
    ends = [helper.make_tensor_value_info("b", onnx.TensorProto.FLOAT, None)]
    branch = helper.make_graph([helper.make_node("Identity", [x], ["b"])], "branch", [], ends)
    condition = given.constant(True, bool)
    given.nodes.append(
        helper.make_node("If", [condition], ["y"], then_branch=branch, else_branch=branch)
    )
    return given.proto("y", SHAPE)


def of_integers(given: Given) -> onnx.ModelProto:
    scale, zero = given.constant(0.1), given.constant(0, np.uint8)
    x = given("QuantizeLinear", "x", scale, zero)
    w, of_w = given.constant(np.ones((4, 1, 3, 3)), np.int8), given.constant(0, np.int8)
    x = given("QLinearConv", x, scale, zero, w, scale, of_w, scale, zero)
    return ended(given, given("DequantizeLinear", x, scale, zero), 144)


def of_a_batch(given: Given) -> onnx.ModelProto:
    x = given("Reshape", "x", given.constant([8, 64], np.int64))
    return given.proto(given("MatMul", x, given.weights(64, 4)), [8, 1, 8, 8])


def with_long_names(given: Given) -> onnx.ModelProto:
    x = given("Foo", "x", name="n" * 5000, domain="a" * 3000)
    return ended(given, x, 64)


def in_training(given: Given) -> onnx.ModelProto:
    x = given.norm(hidden(given), 8)
    given.nodes[-1].attribute.append(helper.make_attribute("training_mode", 1))
    return ended(given, x, 8)


def of_a_signal(given: Given) -> onnx.ModelProto:
    x = given("Reshape", "x", given.constant([1, 1, 64], np.int64))
    return ended(given, conv(given, x, 4, 1, 5), 240)


def product(given: Given) -> onnx.ModelProto:
    return ended(given, given("Mul", hidden(given), hidden(given)), 8)


def attention(given: Given) -> onnx.ModelProto:
    x = hidden(given)
    return given.proto(given("MatMul", x, given("Transpose", x, perm=[1, 0])), SHAPE)


def weights_first(given: Given) -> onnx.ModelProto:
    x = given("Transpose", given("Flatten", "x"), perm=[1, 0])
    x = given("MatMul", given.weights(4, 64), x)
    return given.proto(given("Transpose", x, perm=[1, 0]), SHAPE)


def beyond(given: Given) -> onnx.ModelProto:
    x = conv(given, "x", 4, 1, 2, 2)
    x = given("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    return ended(given, x, 64)


def reflected(given: Given) -> onnx.ModelProto:
    around = given.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    return ended(given, conv(given, given("Pad", "x", around, mode="reflect"), 4, 1, 3, 3), 256)


REFUSED: list[tuple[Model, str, str]] = [
    (dangling, "Flatten 't0_0' takes 'nowhere', which neither a node gives", "all that leads to"),
    (unsorted, "MatMul 't2_0' stands before Flatten 't0_0', whose result it", "Sort the nodes"),
    (of_its_input, "The model's output 'x' is its input, or a constant", "last layer"),
    (deciding, "If 'y' decides what is computed when it is executed", "branches and loops"),
    (of_integers, "QLinearConv 't1_0' computes with the numbers", "QuantFormat.QDQ"),
    (of_a_batch, "The model gives [8, 4] for one image", "a batch of one"),
    (with_long_names, f"Foo '{'n' * 80}...' is of the domain '{'a' * 80}...'", "ONNX' own"),
    (in_training, "BatchNormalization 't4_0' is in training mode", "model.eval()"),
    (of_a_signal, "The convolution Conv_0, layer 1, is over 1 dimension.", "kernels of (1, k)"),
    (product, "Mul (Mul_0, after layer 1) is of two tensors that depend", "only sums"),
    (attention, "MatMul (MatMul_1, layer 2) is of two tensors that depend", "only sums"),
    (weights_first, "MatMul (MatMul_0, layer 1) has its weights in front", "x @ W"),
    (beyond, "The maximum MaxPool_0, after layer 1, has windows that reach beyond", "ceil_mode"),
    (reflected, "FINN+ has no hardware layer for Pad (Pad_0, on the input)", "Pad with zeros"),
    (lambda g: ended(g, hidden(g, bits=3.5), 8), "after layer 1, has 3.5 bits", "whole number"),
    (lambda g: ended(g, hidden(g, scale=0.0), 8), "after layer 1, has a scale of 0", "above 0"),
    (lambda g: ended(g, hidden(g, scale=-0.5), 8), "has a scale of -0.5", "above 0"),
]


@pytest.mark.parametrize(("made", "what", "remedy"), REFUSED)
def test_what_cannot_be_is_said_by_the_node(
    made: Model, what: str, remedy: str, tmp_path: Path
) -> None:
    runs = Runs(tmp_path)
    with pytest.raises(StageError) as caught:
        runs.compile(runs.read(made(Given()), pixels(1, 8, 8))[0])
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    assert len(caught.value.what) < 500


def padded(given: Given) -> onnx.ModelProto:
    around = given.constant([0, 0, 1, 0, 0, 0, 1, 1], np.int64)
    x = given("Pad", "x", around)
    return ended(given, conv(given, x, 4, 1, 3, 3, pads=[0, 1, 0, 0]), 256)


def scaled_gemm(given: Given) -> onnx.ModelProto:
    bias = given.constant(given.rng.normal(size=8))
    x = given("Gemm", given("Flatten", "x"), given.weights(64, 8), bias, alpha=0.5, beta=0.25)
    return ended(given, given.quant(x, 0.5, 3), 8)


def shared(given: Given) -> onnx.ModelProto:
    x, both = given("Flatten", "x"), given.weights(64, 64)
    for _ in range(2):
        # Without a normalization, products of such steps lie between two steps, where ties are.
        x = given.quant(given.norm(given("MatMul", x, both), 64), 0.5, 3)
    return ended(given, x, 64)


@pytest.mark.parametrize("made", [padded, scaled_gemm, shared])
def test_what_can_be_is_bit_exact(made: Model, tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    imported, _, _ = runs.read(made(Given(seed=5)), pixels(1, 8, 8), np.arange(40) % 4)
    _, simulated = bit_exact(runs, imported)
    assert simulated["agreeing_with_torch"] + simulated["torch_ties"] == simulated["images"]


@pytest.mark.parametrize(("share", "refused"), [(0.05, False), (0.2, True)])
def test_a_batch_may_round_a_few_images_otherwise(
    share: float, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums in another order may fall to the other side of a tie; mixed-up images are many."""
    execute = stage.execute

    def rounding(model: Any, images: Any, *, one_by_one: bool = False) -> Any:
        found = execute(model, images, one_by_one=one_by_one)
        if not one_by_one:
            found[: round(share * len(found))] += 1
        return found

    monkeypatch.setattr(stage, "execute", rounding)
    given = Given()
    if not refused:
        Runs(tmp_path).read(ended(given, hidden(given), 8), pixels(1, 8, 8))
        return
    with pytest.raises(StageError, match="computes something else for 4 of 20 images"):
        Runs(tmp_path).read(ended(given, hidden(given), 8), pixels(1, 8, 8))
