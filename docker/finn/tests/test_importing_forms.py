"""What the import settles, one form after the other; each is still what the file computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from finn_worker.input_quantizer import InputQuantizer
from finn_worker.verification import execute
from given_models import Given, Runs

FLAT, IMAGES = [1, 16], np.arange(64, dtype=np.uint8).reshape(4, 1, 4, 4) * 4


def kinds_of(folder: Path) -> list[str]:
    return [node.op_type for node in ModelWrapper(str(folder / "model.onnx")).graph.node]


def signed_behind_relu(given: Given, x: str) -> str:
    return given.quant(given("Relu", x), 0.25, 4)


def thresholds_behind_relu(given: Given, x: str) -> str:
    return given.thresholds(given("Relu", x), [[-0.5, 0.0, 0.5]], "UINT2")


def clip_that_a_quantizer_implies(given: Given, x: str) -> str:
    return given.quant(given("Clip", x, given.constant(-2), given.constant(2)), 0.25, 4)


def relu_as_clip(given: Given, x: str) -> str:
    x = given("Clip", x, given.constant(0), given.constant(6))
    return given.quant(x, 0.25, 4, signed=0)


def bipolar_with_a_scale(given: Given, x: str) -> str:
    return given.bipolar(x, 0.375)


def sign(given: Given, x: str) -> str:
    return given("Sign", x)


def cast_and_dropout(given: Given, x: str) -> str:
    return given.quant(given("Cast", given("Dropout", given("Identity", x)), to=1), 0.25, 3)


def int_quant(given: Given, x: str) -> str:
    x = given.quant(x, 0.25, 3)
    given.nodes[-1].op_type = "IntQuant"
    return x


def old_domain(given: Given, x: str) -> str:
    x = given.quant(x, 0.25, 3)
    given.nodes[-1].domain = "onnx.brevitas"
    return x


@pytest.mark.parametrize(
    ("form", "left"),
    [
        (signed_behind_relu, ["Relu", "Quant"]),
        (thresholds_behind_relu, ["MultiThreshold"]),
        (clip_that_a_quantizer_implies, ["Quant"]),
        (relu_as_clip, ["Quant"]),
        (bipolar_with_a_scale, ["BipolarQuant", "Mul"]),
        (sign, ["MultiThreshold"]),
        (cast_and_dropout, ["Quant"]),
        (int_quant, ["Quant"]),
        (old_domain, ["Quant"]),
    ],
)
def test_activations(form: Callable[[Given, str], str], left: list[str], tmp_path: Path) -> None:
    given = Given()
    x = given("MatMul", given("Flatten", "x"), given.weights(16, 8))
    x = given("MatMul", form(given, given.norm(x, 8)), given.weights(8, 4))
    folder, _, _ = Runs(tmp_path).read(given.proto(x, [1, 1, 4, 4]), IMAGES)
    kinds = kinds_of(folder)
    assert (
        kinds[kinds.index("BatchNormalization") + 1 : kinds.index("MatMul", 4)][: len(left)] == left
    )


def test_channels_may_come_last(tmp_path: Path) -> None:
    """As from TensorFlow: the Transpose in front is what the images need, not the hardware."""
    given = Given()
    mean = given.constant(np.reshape([0.1, 0.2, 0.3], (1, 1, 1, 3)))
    x = given("Transpose", given("Sub", "x", mean), perm=[0, 3, 1, 2])
    x = given("Conv", given.quant(x, 1 / 16, 4), given.weights(4, 3, 2, 2), auto_pad=b"SAME_UPPER")
    x = given("MaxPool", given.quant(x, 0.25, 3), kernel_shape=[5, 5], auto_pad=b"VALID")
    x = given("Flatten", x)
    images = np.random.default_rng(2).integers(0, 256, (6, 3, 5, 5), dtype=np.uint8)
    folder, metrics, _ = Runs(tmp_path).read(given.proto(x, ["n", 5, 5, 3]), images)
    assert metrics["input_shape"] == [3, 5, 5]
    assert "Transpose" not in kinds_of(folder)
    with np.load(folder / "test_set.npz") as data:
        np.testing.assert_array_equal(data["images"], images)


def test_flattened_with_channels_last_the_images_are_rows_in_that_order(tmp_path: Path) -> None:
    given = Given()
    x = given("MatMul", given("Flatten", "x"), given.weights(18, 4))
    images = np.arange(72, dtype=np.uint8).reshape(4, 2, 3, 3)
    folder, _, _ = Runs(tmp_path).read(given.proto(x, [1, 3, 3, 2]), images)
    with np.load(folder / "test_set.npz") as data:
        wanted = images.transpose(0, 2, 3, 1).reshape(4, -1)
        np.testing.assert_array_equal(data["images"], wanted)


@pytest.mark.parametrize("asked", ["integers", "scaled"])
def test_what_the_input_means_can_be_said(asked: str, tmp_path: Path) -> None:
    given = Given()
    model = given.proto(given("MatMul", given("Flatten", "x"), given.weights(16, 4)), [1, 1, 4, 4])
    folder, metrics, _ = Runs(tmp_path).read(model, IMAGES, input=asked)
    assert metrics["input"] == asked
    assert ("Div" in kinds_of(folder)) == (asked == "scaled")


Quantize = Callable[[Given, str], str]
LEVELS = [[-0.3, 0.1, 0.2]]
FORMS: dict[str, Quantize] = {
    "signed": lambda given, x: given.quant(x, 0.06, 4, narrow=1),
    "zero point": lambda given, x: given.quant(x, 0.06, 4, zero=3.0, signed=0),
    "bipolar": lambda given, x: given.bipolar(x, 0.7),
    "per feature": lambda given, x: given.quant(
        given("Mul", x, given.constant(np.linspace(0.5, 2, 16).reshape(1, 16))), 0.1, 5
    ),
    # 1/510 and every second number from there lie between two steps.
    "ties": lambda given, x: given.quant(x, 2 / 255, 7),
    "thresholds": lambda given, x: given.thresholds(x, LEVELS, "INT2", out_bias=-2.0),
    "scaled thresholds": lambda given, x: given.thresholds(
        x, LEVELS, "INT2", out_bias=-1.0, out_scale=0.5
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_an_input_quantizer_is_equal_for_every_number(form: str) -> None:
    given = Given()
    given.annotated["x"] = "UINT8"
    x = given("Sub", given("Div", "x", given.constant(255)), given.constant(0.5))
    model = ModelWrapper(given.proto(FORMS[form](given, x), FLAT)).transform(InferShapes())
    made = model.transform(InputQuantizer())
    kinds = [node.op_type for node in made.graph.node]
    assert kinds[0] == "MultiThreshold"
    assert set(kinds[1:]) <= {"Mul", "Sub"}
    numbers = np.repeat(np.arange(256, dtype=np.float32)[:, np.newaxis], 16, axis=1)
    np.testing.assert_allclose(execute(made, numbers), execute(model, numbers), atol=1e-6)


def test_one_that_changes_no_number_is_no_layer() -> None:
    given = Given()
    given.annotated["x"] = "UINT8"
    x = given.quant(given("Div", "x", given.constant(255)), 1 / 255, 8, signed=0)
    model = ModelWrapper(given.proto(x, FLAT)).transform(InferShapes())
    made = model.transform(InputQuantizer())
    assert [node.op_type for node in made.graph.node] == ["Mul"]


def test_falling_ones_and_inputs_of_fractions_are_left_alone() -> None:
    given = Given()
    x = given.quant(given("Mul", "x", given.constant(-1.0)), 8.0, 6)
    model = ModelWrapper(given.proto(x, FLAT)).transform(InferShapes())
    assert [n.op_type for n in model.transform(InputQuantizer()).graph.node] == ["Mul", "Quant"]
    given.annotated["x"] = "UINT8"
    model = ModelWrapper(given.proto(x, FLAT)).transform(InferShapes())
    assert [n.op_type for n in model.transform(InputQuantizer()).graph.node] == ["Mul", "Quant"]


def top_two(given: Given, x: str) -> str:
    given("TopK", x, given.constant([2], np.int64), outputs=2)
    return given.nodes[-1].output[1]


def finns_own_choice(given: Given, x: str) -> str:
    domain = "finn.custom_op.fpgadataflow.hls"
    return given("LabelSelect_hls", x, domain=domain, Labels=4, PE=1, K=1)


def likely_class(given: Given, x: str) -> str:
    return given("ArgMax", given("Softmax", given("Flatten", x), axis=1), axis=1, keepdims=0)


def likelihoods(given: Given, x: str) -> str:
    return given("Sigmoid", x)


@pytest.mark.parametrize(
    ("end", "left", "kind"),
    [
        (top_two, ["TopK"], "classes"),
        (finns_own_choice, ["LabelSelect_hls"], "classes"),
        (likely_class, ["Softmax", "ArgMax"], "classes"),
        (likelihoods, ["Sigmoid"], "values"),
    ],
)
def test_a_choice_at_the_end_is_left_to_the_host(
    end: Callable[[Given, str], str], left: list[str], kind: str, tmp_path: Path
) -> None:
    given = Given()
    x = given("MatMul", given("Flatten", "x"), given.weights(16, 4))
    folder, metrics, _ = Runs(tmp_path).read(given.proto(end(given, x), [1, 1, 4, 4]), IMAGES)
    assert (metrics["left_to_the_host"], metrics["outputs"]) == (left, kind)
    assert kinds_of(folder)[-1] == "MatMul"


def test_equal_files_give_equal_artifacts(tmp_path: Path) -> None:
    given = Given()
    x = given.quant(given("Flatten", "x"), 0.5, 4, signed=0)
    x = given("Sign", given("MatMul", x, given.weights(16, 8)))
    model = given.proto(given("MatMul", x, given.weights(8, 4)), ["n", 1, 4, 4])
    first, second = (Runs(tmp_path / name).read(model, IMAGES)[0] for name in ("a", "b"))
    for path in sorted(first.iterdir()):
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name
