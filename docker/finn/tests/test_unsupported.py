"""Networks that FINN+ cannot build: the node at fault is named, its layer, and what to use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from compile_stage import Outcome, compile_export
from finn_worker import unsupported
from quantized_mlp import Layer, QuantizedMLP
from stagekit import StageError

# Of the second layer, unless said otherwise
SECOND = 1


def refusal(folder: Path, network: QuantizedMLP, tail: str = "", **changes: Any) -> StageError:
    """What the compile stage says of a network."""
    export = network.export(folder / "export", tail, computed_by_model=True)
    with pytest.raises(StageError) as caught:
        compile_export(folder / "run", export, **changes)
    return caught.value


CHANGES: dict[str, tuple[Callable[[Layer], None], list[str]]] = {
    "tanh": (
        lambda layer: setattr(layer, "operator", "Tanh"),
        ["no hardware layer for Tanh (Tanh_0, after layer 2)", "QuantHardTanh"],
    ),
    "sigmoid": (
        lambda layer: setattr(layer, "operator", "Sigmoid"),
        ["no hardware layer for Sigmoid (Sigmoid_0, after layer 2)", "Use a quantizer"],
    ),
    "signed after relu": (
        lambda layer: setattr(layer, "operator", "Relu"),
        ["Quant_", ", after layer 2, is signed, though a Relu (Relu_0)", "QuantReLU"],
    ),
    "too many bits": (
        lambda layer: setattr(layer, "act_bits", 10),
        ["The quantizer Quant_5, after layer 2, has 10 bits", "Use 2 to 8"],
    ),
    "a bipolar scale": (
        lambda layer: setattr(layer, "act_bits", 1),
        ["The bipolar quantizer BipolarQuant_0, after layer 2, has a scale", "scale of 1"],
    ),
    "no quantizer": (
        lambda layer: setattr(layer, "act_bits", 0),
        ["No quantizer stands between layer 2 and layer 3 (MatMul_0)", "a layer takes integers"],
    ),
    "a scale per channel": (
        lambda layer: setattr(layer, "act_scale", np.linspace(0.2, 0.6, 16).reshape(1, -1)),
        ["Thresholding_1, after layer 2, has a scale", "layer 3", "one scale for all channels"],
    ),
    "26-bit weights": (
        lambda layer: setattr(layer, "weight_bits", 26),
        ["The weights of layer 2 (MVAU_1) have 26 bits", "Use at most 25"],
    ),
    "float weights": (
        lambda layer: setattr(layer, "weights_quantized", False),
        ["The weights of layer 2 (MatMul_0) are not quantized", "QuantLinear"],
    ),
    "rounded down": (
        lambda layer: setattr(layer, "rounding", "FLOOR"),
        ["'QONNX to FINN'", "likely cause: Quant_5 (FLOOR)", "round to the nearest"],
    ),
    "rounded up": (
        lambda layer: setattr(layer, "rounding", "CEIL"),
        ["'QONNX to FINN'", "likely cause: Quant_5 (CEIL)", "round to the nearest"],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_at_fault_is_named_with_its_layer(tmp_path: Path, name: str) -> None:
    network = QuantizedMLP(weight_bits=4, act_bits=4)
    change, expected = CHANGES[name]
    change(network.layers[SECOND])
    said = refusal(tmp_path, network)
    for part in expected:
        assert part in f"{said.what} {said.remedy}"
    assert "Mul" not in said.what.replace("MatMul", "")
    assert "Add" not in said.what


@pytest.mark.parametrize("operator", ["TopK", "Softmax", "LogSoftmax", "Sigmoid", "Tanh", "Relu"])
def test_an_operator_after_the_last_layer_is_named_and_nothing_else(
    network: QuantizedMLP, tmp_path: Path, operator: str
) -> None:
    said = refusal(tmp_path, network, tail=operator)
    place = f"{operator} ({operator}_0, after layer 4)"
    assert said.what == f"FINN+ has no hardware layer for {place}."
    assert operator == "Relu" or "the host takes the largest logit" in said.remedy


def test_two_faults_are_both_named(tmp_path: Path) -> None:
    network = QuantizedMLP(weight_bits=4, act_bits=4)
    network.layers[0].operator = "Tanh"
    network.layers[2].act_scale = np.linspace(0.2, 0.6, 8).reshape(1, -1)
    said = refusal(tmp_path, network)
    assert "Tanh (Tanh_0, after layer 1)" in said.what
    assert "Thresholding_2, after layer 3" in said.what
    assert "QuantReLU" in said.remedy
    assert "one scale for all channels" in said.remedy


def test_quantizer_on_the_input_is_a_layer(tmp_path: Path) -> None:
    network = QuantizedMLP(input_bits=6)
    export = network.export(tmp_path / "export", computed_by_model=True)
    layers = compile_export(tmp_path / "compile", export).metrics["layers"]
    assert layers[0]["op_type"] == "Thresholding_rtl"
    assert layers[0]["name"] == "Thresholding_rtl_0"


def test_quantizer_on_the_input_of_too_many_bits(tmp_path: Path) -> None:
    said = refusal(tmp_path, QuantizedMLP(input_bits=9))
    assert "The quantizer Quant_4, on the input, has 9 bits" in said.what


def test_a_layer_without_rtl_is_named_with_what_rtl_takes(compiled: Outcome) -> None:
    model = ModelWrapper(str(compiled.outputs / "dataflow.onnx"))
    node = model.get_nodes_by_op_type("MVAU_rtl")[1]
    getCustomOp(node).set_nodeattr("inputDataType", "BINARY")
    node.op_type, node.name = "MVAU_hls", "MVAU_hls_0"
    node.domain = "finn.custom_op.fpgadataflow.hls"
    with pytest.raises(StageError) as caught:
        unsupported.check_all_rtl(model, "xc7z020clg400-1")
    said = caught.value
    assert "MVAU_hls_0, layer 2, on xc7z020clg400-1: its inputs have 1 bit, 2 to 18" in said.what
    assert "2 to 8 bits" in said.remedy
