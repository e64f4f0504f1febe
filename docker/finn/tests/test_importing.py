"""Models of the user's, from the file to the simulated RTL, bit by bit what they compute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from given_models import IMAGES, QONNX, Given, Runs


def pixels(*shape: int, seed: int = 3) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (40, *shape), dtype=np.uint8)


def bit_exact(runs: Runs, given: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compile and simulate what was imported; the metrics of both."""
    compiled, built, _ = runs.compile(given)
    assert all(step["agreeing"] == step["images"] == IMAGES for step in built["verified_steps"])
    _, metrics, _ = runs.simulate(given, compiled)
    assert metrics["images"] == IMAGES
    assert metrics["bit_exact"]
    return built, metrics


def finns_dialect() -> onnx.ModelProto:
    """As FINN+'s own example: thresholds, whole weights, 4 dimensions, a batch of 1, TopK."""
    given = Given()
    x = given("Div", "x", given.constant(255))
    x = given("Reshape", x, given.constant([1, 64], np.int64))
    x = given("Sub", given("Mul", x, given.constant(2)), given.constant(1))
    x = given.thresholds(x, [[0.0]], "BIPOLAR", out_scale=2.0, out_bias=-1.0)
    x = given("MatMul", x, given.whole(64, 16))
    x = given("Unsqueeze", given("Mul", x, given.constant(0.125)), axes=[2])
    x = given("Squeeze", given.norm(x, 16), axes=[2])
    bits = given.thresholds(x, [[0.1]], "BINARY")
    given.annotated[bits] = "BINARY"
    x = given("XnorPopcountMatMul", bits, given.whole(16, 8, datatype="BINARY"), domain=QONNX)
    x = given("Sign", given("Sub", x, given.constant(8)))
    x = given("MatMul", x, given.whole(8, 4))
    x = given("Add", given("Mul", x, given.constant(0.5)), given.constant([0.1, 0.2, 0.3, 0.4]))
    given("TopK", x, given.constant([1], np.int64), axis=-1, largest=1, sorted=1, outputs=2)
    given.annotated["x"] = "UINT8"
    for node in given.nodes:
        node.domain = node.domain.replace("qonnx", "finn")
    return given.proto(given.nodes[-1].output[1], [1, 1, 8, 8], opset=12)


def test_finns_dialect(tmp_path: Path) -> None:
    runs, images = Runs(tmp_path), pixels(1, 8, 8)
    given, metrics, notes = runs.read(finns_dialect(), images)
    assert metrics["outputs"] == "classes"
    assert metrics["left_to_the_host"] == ["TopK"]
    assert (metrics["input"], metrics["input_datatype"]) == ("integers", "UINT8")
    assert (metrics["labelled"], metrics["accuracy"]) == (False, None)
    assert "agreement with the model itself" in notes
    built, metrics = bit_exact(runs, given)
    # The quantizer on the input is a layer of its own.
    assert built["layers"][0]["op_type"].startswith("Thresholding")
    assert metrics["agreeing_with_torch"] == IMAGES
    assert metrics["accuracy"] is None


def qonnx_with_everything() -> onnx.ModelProto:
    """Of a dynamic batch, shapes computed by nodes, an input quantizer, biases and an ArgMax."""
    given = Given(seed=2)
    batch = given("Gather", given("Shape", "x"), given.constant([0], np.int64), axis=0)
    shape = given("Concat", batch, given.constant([-1], np.int64), axis=0)
    x = given("Reshape", "x", shape)
    x = given.quant(x, 1 / 7, 3, signed=0)
    # A bias in another quantizer, as Brevitas' Int32Bias has it.
    bias = given.quant(given.constant(given.rng.normal(size=16)), 2**-10, 16)
    x = given("Gemm", x, given.weights(16, 36), bias, transB=1)
    x = given.quant(given("Clip", x, given.constant(-1), given.constant(1)), 0.25, 3)
    x = given("MatMul", x, given.weights(16, 8))
    x = given("Add", x, given.constant(given.rng.normal(size=8) / 8))
    x = given.quant(given("Relu", given("Dropout", x)), 0.25, 3)
    x = given("Gemm", x, given.weights(4, 8), given.constant(given.rng.normal(size=4)), transB=1)
    x = given("ArgMax", given("Softmax", x, axis=1), axis=1)
    return given.proto(x, ["batch", 1, 6, 6], extra_inputs=True)


def test_qonnx_of_floats_with_all_that_exporters_write(tmp_path: Path) -> None:
    runs, images = Runs(tmp_path), pixels(1, 6, 6)
    labels = np.arange(40) % 4
    given, metrics, _ = runs.read(qonnx_with_everything(), images, labels)
    # Not annotated: the model takes 0..1, which the pixels stand for.
    assert (metrics["input"], metrics["input_datatype"]) == ("scaled", "UINT8")
    assert metrics["left_to_the_host"] == ["Softmax", "ArgMax"]
    assert metrics["labelled"]
    accuracy = metrics["accuracy"]
    with np.load(given / "test_set.npz") as data:
        assert (data["predictions"] == labels).mean() == accuracy
    built, metrics = bit_exact(runs, given)
    assert built["layers"][0]["op_type"].startswith("Thresholding")
    assert metrics["agreeing_with_torch"] + metrics["torch_ties"] == IMAGES


def test_one_bipolar_output_of_bipolar_inputs_is_compared_as_a_value(tmp_path: Path) -> None:
    """Like FINN's cybersecurity example: there is no largest of one output."""
    given = Given(seed=4)
    x = given("MatMul", given.bipolar("x"), given.weights(48, 16))
    x = given.quant(given("Relu", given.norm(x, 16)), 0.5, 2, signed=0)
    x = given("MatMul", x, given.weights(16, 1))
    x = given.bipolar(given("Add", x, given.constant(0.3)))
    given.annotated["x"] = "BIPOLAR"
    images = np.random.default_rng(5).choice(np.asarray([-1, 1], np.int8), (40, 48, 1, 1))
    numbers = {"datatype": "BIPOLAR", "scale": 1.0, "zero_point": 0}
    runs, labels = Runs(tmp_path), np.arange(40) % 2
    imported, metrics, notes = runs.read(given.proto(x, [1, 48]), images, labels, numbers)
    assert metrics["outputs"] == "values"
    assert metrics["classes"] == 0
    assert metrics["input_datatype"] == "BIPOLAR"
    assert "value by value: a value above 0 is class 1" in notes
    with np.load(imported / "test_set.npz") as data:
        bits = data["predictions"]
        assert bits.shape == (40, 1)
        assert set(bits.ravel()) == {-1.0, 1.0}
        assert metrics["accuracy"] == ((bits[:, 0] > 0) == labels).mean()
    built, simulated = bit_exact(runs, imported)
    assert built["layers"][0]["op_type"].startswith("MVAU"), "a bipolar number stays what it is"
    assert simulated["agreeing_with_torch"] == IMAGES
    outputs = tmp_path / "simulate" / "outputs"
    package = json.loads((outputs / "package" / "package.json").read_text())
    assert (package["input"]["datatype"], package["input"]["file_dtype"]) == ("INT2", "int8")
    with np.load(outputs / "predictions.npz") as found:
        np.testing.assert_array_equal(found["predictions"], bits[:IMAGES])
        assert simulated["accuracy"] == ((bits[:IMAGES, 0] > 0) == labels[:IMAGES]).mean()


def test_signed_inputs_with_a_zero_point_and_several_values(tmp_path: Path) -> None:
    given = Given(seed=6)
    x = given("MatMul", "x", given.weights(24, 12, bits=4, scale=0.05))
    x = given.quant(given.norm(x, 12), 0.25, 3, narrow=1)
    x = given("MatMul", x, given.weights(12, 3, bits=3))
    x = given("Add", x, given.constant([0.5, -0.5, 1.0]))
    images = np.random.default_rng(7).integers(-128, 128, (40, 24, 1, 1)).astype(np.int8)
    numbers = {"datatype": "INT8", "scale": 0.03125, "zero_point": 5}
    runs = Runs(tmp_path)
    imported, metrics, _ = runs.read(given.proto(x, ["n", 24]), images, None, numbers)
    assert (metrics["input"], metrics["input_datatype"]) == ("scaled", "INT8")
    assert (metrics["outputs"], metrics["output_count"]) == ("values", 3)
    _, simulated = bit_exact(runs, imported)
    assert simulated["agreeing_with_torch"] + simulated["torch_ties"] == IMAGES


def test_a_convolutional_model_with_means_a_bias_and_channels(tmp_path: Path) -> None:
    given = Given(seed=8)
    mean = given.constant(np.reshape([0.5, 0.4, 0.3], (1, 3, 1, 1)))
    deviation = given.constant(np.reshape([0.2, 0.25, 0.3], (1, 3, 1, 1)))
    x = given("Div", given("Sub", "x", mean), deviation)
    x = given.quant(x, 1 / 32, 8)
    bias = given.constant(given.rng.normal(size=4) / 4)
    x = given("Conv", x, given.weights(4, 3, 3, 3), bias, kernel_shape=[3, 3])
    x = given.quant(given("Relu", given.norm(x, 4, 3.0)), 0.25, 3, signed=0)
    x = given("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = given("Flatten", x)
    x = given("Gemm", x, given.weights(5, 36), given.constant(given.rng.normal(size=5)), transB=1)
    runs, images = Runs(tmp_path), pixels(3, 8, 8)
    model = given.proto(given("LogSoftmax", x, axis=1), ["n", 3, 8, 8])
    imported, metrics, _ = runs.read(model, images, np.arange(40) % 3)
    assert metrics["outputs"] == "classes"  # of the five, three have labels
    built, simulated = bit_exact(runs, imported)
    kinds = [layer["op_type"].split("_")[0] for layer in built["layers"]]
    assert kinds[0] == "Thresholding"
    assert simulated["agreeing_with_torch"] + simulated["torch_ties"] == IMAGES
