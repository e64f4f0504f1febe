"""The compile stage, run for real on a small network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from accelerators import Bench
from compile_stage import FOLDING, Outcome, compile_export
from finn_worker.verification import execute
from quantized_mlp import QuantizedMLP
from stagekit import Infeasible, StageError


def test_every_step_is_verified_on_every_golden_image(
    compiled: Outcome, network: QuantizedMLP
) -> None:
    images = len(network.images)
    verified = compiled.metrics["verified_steps"]
    assert [(step["images"], step["agreeing"]) for step in verified] == [(images, images)] * 8


def test_streamlined_model_computes_the_logits_from_integer_pixels(
    compiled: Outcome, network: QuantizedMLP
) -> None:
    model = ModelWrapper(str(compiled.outputs / "streamlined.onnx"))
    logits = execute(model, network.images.astype(np.float32))
    np.testing.assert_allclose(logits, network.logits, atol=1e-4)
    assert model.get_tensor_datatype(model.graph.input[0].name).name == "UINT8"


def test_accelerator_ends_in_integers_which_the_host_scales_to_logits(
    compiled: Outcome, network: QuantizedMLP
) -> None:
    model = ModelWrapper(str(compiled.outputs / "dataflow.onnx"))
    outputs = execute(model, network.images.astype(np.float32))
    assert np.array_equal(outputs, np.round(outputs))
    with np.load(compiled.outputs / "postprocess.npz") as host:
        logits = host["scale"] * outputs + host["bias"]
    np.testing.assert_allclose(logits, network.logits, atol=1e-4)


def test_folding_is_found_in_the_graph_and_sets_the_interval(
    compiled: Outcome, network: QuantizedMLP
) -> None:
    model = ModelWrapper(str(compiled.outputs / "dataflow.onnx"))
    mvaus = [getCustomOp(node) for node in model.get_nodes_by_op_type("MVAU_rtl")]
    assert [[mvau.get_nodeattr("PE"), mvau.get_nodeattr("SIMD")] for mvau in mvaus] == FOLDING
    cycles = [
        (inputs // simd) * (outputs // pe)
        for inputs, outputs, (pe, simd) in zip(
            network.sizes[:-1], network.sizes[1:], FOLDING, strict=True
        )
    ]
    layers = [layer for layer in compiled.metrics["layers"] if layer["mw"] is not None]
    assert [layer["cycles_estimated"] for layer in layers] == cycles
    assert compiled.metrics["ii_estimated"] == max(cycles)
    assert [[layer["pe"], layer["simd"]] for layer in layers] == FOLDING


def test_thresholds_are_as_parallel_as_the_layer_before_them(compiled: Outcome) -> None:
    model = ModelWrapper(str(compiled.outputs / "dataflow.onnx"))
    thresholds = [getCustomOp(node) for node in model.get_nodes_by_op_type("Thresholding_rtl")]
    assert [item.get_nodeattr("PE") for item in thresholds] == [pe for pe, _ in FOLDING[:-1]]


def test_all_of_the_simulated_graph_is_rtl(compiled: Outcome) -> None:
    model = ModelWrapper(str(compiled.outputs / "dataflow.onnx"))
    assert {node.op_type.rsplit("_", 1)[1] for node in model.graph.node} == {"rtl"}
    simulated = compiled.metrics["simulated"]["layers"]
    assert [layer["op_type"] for layer in simulated] == [n.op_type for n in model.graph.node]


def test_variant_to_be_built_depends_on_the_bits(compiled: Outcome, tmp_path: Path) -> None:
    four_bits = QuantizedMLP(weight_bits=4, act_bits=4).export(tmp_path / "export")
    metrics = compile_export(tmp_path / "run", four_bits).metrics
    kinds = {layer["op_type"] for layer in metrics["layers"] if layer["mw"] is not None}
    assert kinds == {"MVAU_rtl"}
    assert metrics["dsp"] > 0
    # FINN charges its RTL MVAUs no LUTs: what it says of the whole is a part.
    assert metrics["uncharged"] == {"lut": {"MVAU_rtl": 4}}
    assert metrics["matrix_layers"] == {"MVAU_rtl": 4}
    assert compiled.metrics["uncharged"] == {"lut": {}}
    assert compiled.metrics["matrix_layers"] == {"MVAU_hls": 4}
    low = [layer for layer in compiled.metrics["layers"] if layer["mw"] is not None]
    assert {layer["op_type"] for layer in low} == {"MVAU_hls"}
    assert compiled.metrics["dsp"] == 0
    assert "MVAU_hls" in compiled.metrics["estimated_variant"]
    assert "MVAU_hls" not in compiled.metrics["simulated_variant"]


def test_eight_bits_keep_every_prediction(tmp_path: Path) -> None:
    network = QuantizedMLP(weight_bits=8, act_bits=8)
    outcome = compile_export(tmp_path / "run", network.export(tmp_path / "export"))
    model = ModelWrapper(str(outcome.outputs / "streamlined.onnx"))
    logits = execute(model, network.images.astype(np.float32))
    assert np.array_equal(logits.argmax(axis=1), network.logits.argmax(axis=1))


def test_totals_are_sums_and_decide_whether_it_fits(compiled: Outcome) -> None:
    metrics = compiled.metrics
    for name in ("lut", "bram18", "dsp", "uram"):
        assert metrics[name] == sum(layer[name] for layer in metrics["layers"])
        assert metrics[name] <= metrics["available"][name]
    assert metrics["fits"] is True


def test_finns_search_meets_the_target_and_its_choice_is_read_back(
    export: Path, tmp_path: Path
) -> None:
    found = compile_export(tmp_path, export, folding=None, target_fps=195312.5)
    assert found.metrics["target_fps"] == 195312.5
    assert found.metrics["ii_estimated"] <= 512
    layers = [layer for layer in found.metrics["simulated"]["layers"] if layer["mw"]]
    assert found.metrics["folding"] == [[layer["pe"], layer["simd"]] for layer in layers]
    assert found.metrics["folding"] != FOLDING
    assert found.events[-1]["done"] == found.events[-1]["total"]


def test_progress_counts_up_to_its_total(compiled: Outcome) -> None:
    steps_done = [event for event in compiled.events if event["event"] == "progress"]
    assert [event["done"] for event in steps_done] == list(range(steps_done[0]["total"] + 1))


def test_what_else_a_folding_file_chooses_is_built(tmp_path: Path) -> None:
    network = QuantizedMLP(weight_bits=4, act_bits=4)
    export = network.export(tmp_path / "export")
    options = [
        ["MVAU_1", "ram_style", "distributed"],
        ["MVAU_2", "resType", "lut"],
        ["Thresholding_0", "PE", 2],
    ]
    plain = compile_export(tmp_path / "plain", export).metrics
    chosen = compile_export(tmp_path / "chosen", export, options=options)

    simulated = ModelWrapper(str(chosen.outputs / "dataflow.onnx"))
    thresholds = [getCustomOp(node) for node in simulated.get_nodes_by_op_type("Thresholding_rtl")]
    assert [item.get_nodeattr("PE") for item in thresholds] == [2, *(pe for pe, _ in FOLDING[1:3])]
    assert {node.op_type.rsplit("_", 1)[1] for node in simulated.graph.node} == {"rtl"}
    before, after = (
        [layer for layer in metrics["layers"] if layer["mw"]] for metrics in (plain, chosen.metrics)
    )
    assert before[1]["bram18"] > after[1]["bram18"] == 0
    assert [layer["op_type"] for layer in after] == ["MVAU_rtl", "MVAU_rtl", "MVAU_hls", "MVAU_rtl"]
    assert chosen.metrics["options"] == options

    bench = Bench(network, tmp_path, export, chosen.outputs)
    assert bench.run("simulate")[1]["bit_exact"]


@pytest.mark.parametrize(
    ("option", "error", "says"),
    [
        (["MVAU_4", "ram_style", "block"], StageError, "MVAU_4 is no layer of the network"),
        (["Thresholding_x", "PE", 2], StageError, "Thresholding_x is no layer"),
        (["Thresholding_0", "PE", 5], Infeasible, "PE 5 does not divide; 1, 2, 4, 8, 16 would"),
        (["MVAU_0", "ram_style", "paper"], StageError, "paper"),
        (["MVAU_0", "colour", "red"], StageError, "colour"),
    ],
)
def test_what_a_layer_does_not_have_is_refused(
    export: Path, tmp_path: Path, option: list[Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        compile_export(tmp_path / "run", export, options=[option])
