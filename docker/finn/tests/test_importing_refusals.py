"""Files that are no models, models that cannot be used, and data that do not fit them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from finn_worker.imported import file
from given_models import Given, Runs
from stagekit import StageError

PIXELS = np.zeros((4, 1, 4, 4), np.uint8)


def refusal(folder: Path, model: Any, images: Any = PIXELS, *data: Any, **spec: Any) -> StageError:
    with pytest.raises(StageError) as caught:
        Runs(folder).read(model, images, *data, **spec)
    assert caught.value.remedy
    return caught.value


def ordinary(given: Given) -> str:
    x = given("Flatten", "x")
    return given.quant(given("MatMul", x, given.weights(16, 4)), 0.5, 3)


def test_the_ordinary_model_is_read(tmp_path: Path) -> None:
    given = Given()
    Runs(tmp_path).read(given.proto(ordinary(given), [1, 1, 4, 4]), PIXELS)


@pytest.mark.parametrize("content", [b"no model", b"", b"PK\x03\x04 a zip", bytes(1000)])
def test_no_model(content: bytes, tmp_path: Path) -> None:
    assert "is no ONNX model" in refusal(tmp_path, content).what


def test_too_large_a_file_is_not_even_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as sparse:
        sparse.truncate(500 * 2**20)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(StageError, match="The model has 500 MiB; at most 256 are read") as caught:
        file.read(path)
    assert "smaller network" in caught.value.remedy


def external(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def old(model: onnx.ModelProto) -> None:
    model.opset_import[-1].version = 7


def new(model: onnx.ModelProto) -> None:
    model.opset_import[-1].version = 99


def without_opset(model: onnx.ModelProto) -> None:
    del model.opset_import[:]


def without_input(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = model.graph.initializer[0].name
    del model.graph.input[:]


def of_two_inputs(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1, 4]))


def of_text(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING


def of_two_outputs(model: onnx.ModelProto) -> None:
    inner = model.graph.node[1].output[0]
    model.graph.output.append(helper.make_tensor_value_info(inner, TensorProto.FLOAT, ["n", "c"]))


def not_finite(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].raw_data = np.asarray([np.nan] * 64, np.float32).tobytes()


def half(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
    tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def of_hardware(model: onnx.ModelProto) -> None:
    model.graph.node[2].domain = "finn.custom_op.fpgadataflow"
    model.graph.node[2].name = "MVAU_0"


def of_a_foreign_domain(model: onnx.ModelProto) -> None:
    model.graph.node[2].domain = "com.example"
    model.graph.node[2].name = "features.0"


def of_too_few_inputs(model: onnx.ModelProto) -> None:
    model.graph.node[-1].input.pop()


def of_an_unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[-1].op_type = "Quant4"


def without_a_name(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (external, "The data of 'c0' are in another file"),
        (old, "uses version 7 of ONNX' operators"),
        (new, "uses version 99 of ONNX' operators"),
        (without_opset, "names no opset"),
        (without_input, "The model has 0 inputs"),
        (of_two_inputs, "The model has 2 inputs: 'x', 'mask'"),
        (of_text, "The input 'x' is of STRING"),
        (of_two_outputs, "The model has 2 outputs: 't3_0', 't1_0'"),
        (not_finite, "The data of 'c0' hold NaN"),
        (half, "The data of 'c0' are of half precision"),
        (of_hardware, "MatMul 'MVAU_0' is a hardware layer"),
        (of_a_foreign_domain, "MatMul 'features.0' is of the domain 'com.example'"),
        (of_too_few_inputs, "Quant 't3_0' has 3 inputs; 4 are needed"),
        (of_an_unknown_operator, "Quant4 't3_0' is no operator of QONNX"),
        (without_a_name, "is not valid ONNX: Field 'name' of 'value_info'"),
    ],
)
def test_a_model_that_cannot_be_used(
    change: Callable[[onnx.ModelProto], None], said: str, tmp_path: Path
) -> None:
    given = Given()
    model = given.proto(ordinary(given), [1, 1, 4, 4])
    change(model)
    assert said in refusal(tmp_path, model).what


@pytest.mark.parametrize(
    ("kind", "count", "place"), [("Tanh", 0, "on the input"), ("Elu", 1, "after layer 1")]
)
def test_an_operator_that_is_not_known(kind: str, count: int, place: str, tmp_path: Path) -> None:
    given = Given()
    x = given("Flatten", "x")
    for _ in range(count):
        x = given("MatMul", x, given.weights(16, 16))
    x = given.quant(given(kind, x), 0.5, 3)
    model = given.proto(given("MatMul", x, given.weights(16, 4)), [1, 1, 4, 4])
    said = refusal(tmp_path, model)
    assert said.what == f"FINN+ has no hardware layer for {kind} ({kind}_0, {place})."
    assert "QuantReLU" in said.remedy


@pytest.mark.parametrize(
    ("shape", "images"),
    [
        ([1, 3, 4, 4], PIXELS),
        ([1, 1, 5, 5], PIXELS),
        ([1, 17], PIXELS),
        ([16], PIXELS),
        ([1, 4, 4, 2], np.zeros((4, 1, 4, 4), np.uint8)),
    ],
)
def test_images_of_another_shape(shape: list[int], images: Any, tmp_path: Path) -> None:
    given = Given()
    said = refusal(tmp_path, given.proto(ordinary(given), shape), images)
    assert f"The model's input 'x' is {'x'.join(map(str, shape))}" in said.what
    assert "images are 1x4x4" in said.what


def test_images_of_other_numbers_than_annotated(tmp_path: Path) -> None:
    given = Given()
    model = given.proto(ordinary(given), [1, 1, 4, 4])
    annotation = model.graph.quantization_annotation.add(tensor_name="x")
    annotation.quant_parameter_tensor_names.add(key="finn_datatype", value="BIPOLAR")
    ones = np.ones((4, 1, 4, 4), np.uint8)
    Runs(tmp_path / "right").read(model, ones)
    said = refusal(tmp_path / "wrong", model, ones * 7)
    assert "The model takes BIPOLAR; the images hold 7 to 7" in said.what
    ones[0, 0, 0, 0] = 0
    assert "0 among them" in refusal(tmp_path / "zero", model, ones).what
    assert "x_datatype = 'BIPOLAR'" in said.remedy


def test_the_smallest_output_is_no_class(tmp_path: Path) -> None:
    given = Given()
    x, one = ordinary(given), given.constant([1], np.int64)
    given("TopK", x, one, largest=0, outputs=2)
    model = given.proto(given.nodes[-1].output[1], [1, 1, 4, 4])
    assert "takes the smallest output" in refusal(tmp_path, model).what


def test_of_one_output_there_is_no_largest(tmp_path: Path) -> None:
    given = Given()
    x = given("MatMul", given("Flatten", "x"), given.weights(16, 1))
    said = refusal(tmp_path, given.proto(x, [1, 1, 4, 4]), outputs="classes")
    assert said.remedy == 'Give outputs = "values".'


def test_weights_without_a_quantizer_are_named_when_it_is_compiled(tmp_path: Path) -> None:
    given, runs = Given(), Runs(tmp_path)
    x = given.quant(given("Flatten", "x"), 0.25, 3)
    x = given("MatMul", x, given.constant(given.rng.normal(size=(16, 4))))
    imported, _, _ = runs.read(given.proto(x, [1, 1, 4, 4]), PIXELS)
    with pytest.raises(StageError, match=r"weights of layer 1 \(MatMul_0\) are not quantized"):
        runs.compile(imported)
