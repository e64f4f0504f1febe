"""Weights and activations of one bit, from the exported model to the simulated RTL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from qonnx.core.modelwrapper import ModelWrapper

from accelerators import compile_exported
from quantized_mlp import QuantizedMLP

SIZES, FOLDING = (64, 16, 16, 4), [[4, 8], [2, 8], [2, 4]]


@pytest.mark.parametrize(("weight_bits", "act_bits"), [(1, 1), (1, 2), (2, 1)])
def test_one_bit_is_bit_exact(weight_bits: int, act_bits: int, tmp_path: Path) -> None:
    network = QuantizedMLP(SIZES, weight_bits, act_bits)
    bench = compile_exported(network, tmp_path, network.export(tmp_path / "export"), FOLDING)
    metrics = json.loads((bench.compiled / "metrics.json").read_text())
    assert all(step["agreeing"] == step["images"] == 20 for step in metrics["verified_steps"])
    model = ModelWrapper(str(bench.compiled / "dataflow.onnx"))
    assert {node.op_type.rsplit("_", 1)[1] for node in model.graph.node} == {"rtl"}
    layers = [layer for layer in metrics["simulated"]["layers"] if layer["mw"]]
    assert {layer["weight_bits"] for layer in layers} == {2}
    assert {layer["input_bits"] for layer in layers[1:]} == {2}
    simulated = bench.run("simulate")[1]
    assert simulated["bit_exact"]
    assert simulated["agreeing_with_torch"] == 20
    assert simulated["ii_simulated"] == simulated["ii_estimated"]
