"""Convolutional, residual and depthwise networks: from the exported model to the simulated RTL."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.infer_shapes import InferShapes

from accelerators import Bench, compile_cnn
from compile_stage import SPEC
from contract.finn.size import STAGE as SIZE
from finn_worker import canonical, steps, streamlining
from finn_worker.images import channels_last
from finn_worker.rtl.top import max_depth
from finn_worker.size import size
from finn_worker.synthesis_build import insert_fifos
from finn_worker.verification import execute
from quantized_cnn import Conv, Dense, GlobalPool, MaxPool, QuantizedCNN, Residual
from stage_runs import run
from stagekit import Infeasible, Reporter, StageError

IN_A_ROW = (Conv(channels=4), MaxPool(), Conv(channels=8, pad=1), Dense(10))
RESIDUAL = (
    Conv(channels=4),
    Residual((Conv(channels=6, pad=1, stride=2), Conv(channels=6, pad=1)),
             (Conv(channels=6, kernel=1, stride=2),)),
    Residual((Conv(channels=6, pad=1), Conv(channels=6, pad=1))),
    GlobalPool(),
    Dense(4),
)  # fmt: skip
DEPTHWISE = (
    Conv(channels=8, stride=2, pad=1),
    Conv(channels=8, pad=1, depthwise=True),
    Conv(channels=8, kernel=1),
    Conv(channels=8, pad=1, stride=2, depthwise=True),
    GlobalPool(),
    Dense(4),
)
NETWORKS: dict[str, tuple[Callable[[], QuantizedCNN], list[list[int]]]] = {
    "in a row": (lambda: QuantizedCNN(IN_A_ROW, (1, 12, 12)), [[1, 3], [2, 4], [2, 2]]),
    "residual": (
        lambda: QuantizedCNN(RESIDUAL, (3, 12, 12)),
        # As declared: the first block's branch of two layers, then its shortcut
        [[1, 3], [2, 2], [2, 3], [3, 2], [2, 2], [2, 2], [1, 1]],
    ),
    "depthwise": (lambda: QuantizedCNN(DEPTHWISE, (3, 16, 16)), [[2, 3], [2, 4], [2, 2]]),
}


@pytest.fixture(scope="module", params=NETWORKS)
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    make, folding = NETWORKS[request.param]
    return compile_cnn(tmp_path_factory.mktemp("cnn"), make(), folding)


@pytest.fixture(scope="module")
def compiled(bench: Bench) -> dict[str, Any]:
    metrics: dict[str, Any] = json.loads((bench.compiled / "metrics.json").read_text())
    return metrics


@pytest.fixture(scope="module")
def simulated(bench: Bench) -> dict[str, Any]:
    return bench.run("fast")[1]


def test_every_step_computes_what_numpy_does(bench: Bench, compiled: dict[str, Any]) -> None:
    images = len(bench.mlp.images)
    verified = [(step["images"], step["agreeing"]) for step in compiled["verified_steps"]]
    assert verified == [(images, images)] * 8


def test_simulation_is_bit_exact(bench: Bench, simulated: dict[str, Any]) -> None:
    assert simulated["bit_exact"]
    assert simulated["agreeing_with_torch"] == simulated["images"] == len(bench.mlp.images)
    found = np.load(bench.folder / "fast" / "outputs" / "predictions.npz")
    host = np.load(bench.compiled / "postprocess.npz")
    logits = host["scale"] * found["outputs"] + host["bias"]
    np.testing.assert_allclose(logits, bench.mlp.logits, rtol=1e-3, atol=1e-4)


def test_interval_is_at_most_the_estimated_one(simulated: dict[str, Any]) -> None:
    assert simulated["ii_simulated"] <= 1.01 * simulated["ii_estimated"]
    assert simulated["ii_simulated"] >= 0.9 * simulated["ii_estimated"]


def test_batches_are_executed_as_single_images_are(bench: Bench) -> None:
    images = bench.mlp.images[:3].astype(np.float32)
    for name in ("streamlined", "dataflow"):
        model = ModelWrapper(str(bench.compiled / f"{name}.onnx"))
        given = channels_last(images) if name == "dataflow" else images
        alone = [execute(model, image[np.newaxis]) for image in given]
        np.testing.assert_array_equal(execute(model, given), np.concatenate(alone))


def test_layers_without_rtl_are_named(bench: Bench, compiled: dict[str, Any]) -> None:
    model = ModelWrapper(str(bench.compiled / "dataflow.onnx"))
    others = [n.op_type for n in model.graph.node if not n.op_type.endswith("_rtl")]
    found = compiled["layers_without_rtl"]
    assert found == {kind: others.count(kind) for kind in found}
    assert sum(found.values()) == len(others) > 0
    assert all(f"{count} {kind}" in compiled["simulated_variant"] for kind, count in found.items())


def test_converters_keep_pace(bench: Bench) -> None:
    model = ModelWrapper(str(bench.compiled / "dataflow.onnx"))
    for node in model.get_nodes_by_op_type("StreamingDataWidthConverter_rtl"):
        widths = [getCustomOp(node).get_nodeattr(name) for name in ("inWidth", "outWidth")]
        assert max(widths) % min(widths) == 0, widths


def test_waits_are_those_of_each_layers_streams(bench: Bench, simulated: dict[str, Any]) -> None:
    design = json.loads((bench.compiled / "design.json").read_text())
    by_name = {stall["stream"]: stall for stall in simulated["stalls"]}
    assert len(by_name) == len(design["streams"])
    for node, layer in zip(design["nodes"], simulated["layers"], strict=True):
        names = [design["streams"][stream]["name"] for stream in node["inputs"].values()]
        assert all(name.endswith(f"_to_{layer['layer']}") for name in names)
        assert layer["input_starved_cycles"] == max(by_name[n]["starved_cycles"] for n in names)


@pytest.fixture(scope="module")
def residual(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    make, folding = NETWORKS["residual"]
    return compile_cnn(tmp_path_factory.mktemp("residual"), make(), folding)


def test_pairs_follow_the_declaration_and_names_the_hardware(residual: Bench) -> None:
    metrics = json.loads((residual.compiled / "metrics.json").read_text())
    matrices = [layer for layer in metrics["simulated"]["layers"] if layer["mw"]]
    assert [(layer["name"], layer["mw"], layer["pe"], layer["simd"]) for layer in matrices[:4]] == [
        ("MVAU_rtl_0", 27, 1, 3),
        ("MVAU_rtl_1", 4, 3, 2),  # the shortcut
        ("MVAU_rtl_2", 36, 2, 2),
        ("MVAU_rtl_3", 54, 2, 3),
    ]


def test_a_fork_that_stalls_with_small_fifos_is_named_and_sized(residual: Bench) -> None:
    metrics = json.loads((residual.size() / "metrics.json").read_text())
    assert metrics["ii_unsized"] is None
    assert "_to_ElementwiseAdd_hls_" in metrics["unsized_deadlock"]
    deep = {fifo["stream"]: fifo["depth"] for fifo in metrics["fifos"]}[metrics["unsized_deadlock"]]
    assert deep > 16


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Two convolutions hold four rows of 128 pixels and 16 channels, two at a time."""
    layers = Conv(channels=16), Residual((Conv(channels=16, pad=1), Conv(channels=16, pad=1)))
    network = QuantizedCNN((*layers, GlobalPool(), Dense(4)), (1, 6, 130), images_count=6)
    folding = [[2, 3], [2, 16], [2, 16], [1, 1]]
    return compile_cnn(tmp_path_factory.mktemp("deep"), network, folding)


def test_a_skip_that_needs_ultra_ram_gets_it(deep: Bench) -> None:
    request = deep.request("sized", stage=SIZE)
    _, metrics, events = run(size, request)
    assert "FINN+ makes them of UltraRAM; xc7z020clg400-1 has none" in events
    skip = {fifo["stream"]: fifo for fifo in metrics["fifos"]}[metrics["unsized_deadlock"]]
    assert metrics["ii_unsized"] is None
    assert 2028 < skip["depth"] < 5000
    assert skip["bits"] == skip["depth"] * skip["width_bits"]
    assert metrics["ii_sized"] == metrics["ii_estimated"]
    simulated = deep.run("fast", images=6)[1]
    assert simulated["bit_exact"]
    assert simulated["ii_simulated"] == metrics["ii_estimated"]


def test_a_skip_deeper_than_any_fifo_is_named(deep: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finn_worker.size.max_depth", lambda stream: min(max_depth(stream), 2050))
    monkeypatch.setattr("finn_worker.fifo_sizing.MAX_DEPTH", 2050)
    request = deep.request("too deep", stage=SIZE)
    with pytest.raises(
        StageError, match=r"_to_ElementwiseAdd_hls_.* needs a FIFO of more than 2050"
    ):
        size(request, Reporter(io.StringIO()))


def test_a_coarse_search_holds_and_stays_near(
    residual: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine = json.loads((residual.size() / "metrics.json").read_text())
    monkeypatch.setattr("finn_worker.fifo_sizing.EXHAUSTIVE", 0)
    coarse = run(size, residual.request("coarse", stage=SIZE))[1]
    assert coarse["ii_sized"] == fine["ii_sized"]
    assert coarse["ii_unsized"] is None
    assert fine["total_bits"] <= coarse["total_bits"] < 2 * fine["total_bits"]


def test_finns_own_modules_take_the_same_cycles(residual: Bench) -> None:
    fast = residual.run("again")[1]
    exact = residual.run("exact", images=5, exact=True)[1]
    assert exact["bit_exact"]
    assert exact["latency_cycles"] == fast["latency_cycles"]
    assert exact["ii_simulated"] == fast["ii_simulated"]
    assert "DuplicateStreams" in exact["rtl"]


def test_a_convolution_that_takes_a_whole_window_at_once_is_refused(tmp_path: Path) -> None:
    network = QuantizedCNN(IN_A_ROW, (1, 12, 12), images_count=2)
    with pytest.raises(Infeasible, match="SIMD 9 takes all inputs at once"):
        compile_cnn(tmp_path, network, [[1, 9], [2, 4], [2, 2]])


def test_the_search_folds_a_network_and_leaves_no_layer_behind(tmp_path: Path) -> None:
    network = QuantizedCNN(IN_A_ROW, (1, 12, 12), images_count=4)
    bench = compile_cnn(tmp_path, network, None, target_fps=1e8 / 700)
    metrics = json.loads((bench.compiled / "metrics.json").read_text())
    # One window a pixel would take 927 cycles: FINN's search has the generator give whole windows.
    assert metrics["ii_estimated"] <= 700
    assert all(simd < mw for (_, simd), mw in zip(metrics["folding"], (9, 36, 200), strict=True))
    simulated = bench.run("searched", images=4)[1]
    assert simulated["bit_exact"]
    assert simulated["ii_simulated"] <= 700


def test_fewer_golden_images_where_an_image_is_expensive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finn_worker.verification.GOLDEN_VALUES", 10)
    network = QuantizedCNN(IN_A_ROW, (1, 12, 12))
    bench = compile_cnn(tmp_path, network, NETWORKS["in a row"][1])
    metrics = json.loads((bench.compiled / "metrics.json").read_text())
    assert {step["images"] for step in metrics["verified_steps"]} == {4}


def test_equal_models_are_streamlined_to_equal_bytes() -> None:
    network = QuantizedCNN(RESIDUAL[:2] + RESIDUAL[3:], (1, 8, 8), images_count=2)
    model = steps.tidy_up(steps.qonnx_to_finn(network.model.transform(InferShapes())))
    first, second = (canonical.serialize(streamlining.streamline(model)) for _ in range(2))
    assert first == second


def test_finns_build_gets_each_fifo_where_it_was_sized(residual: Bench) -> None:
    design = json.loads((residual.compiled / "design.json").read_text())
    # Powers of two, which FINN's build keeps, and which tell the streams apart a little.
    depths = [64 << (number % 4) for number in range(len(design["streams"]))]
    model = ModelWrapper(str(residual.compiled / "dataflow.onnx"))
    built = insert_fifos(model, depths, SPEC["part"])
    found = []
    for node in built.graph.node:
        if not node.op_type.startswith("StreamingFIFO"):
            continue
        consumer = built.find_consumer(node.output[0])
        kind = "output" if consumer is None else consumer.op_type
        found.append((kind, getCustomOp(node).get_nodeattr("depth")))
    kinds = {node["name"]: node["op_type"] for node in design["nodes"]} | {"output": "output"}
    consumers = [kinds[stream["consumer"]] for stream in design["streams"]]
    assert sorted(found) == sorted(zip(consumers, depths, strict=True))
