"""The compile stage, run for real on a small network."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp
from qonnx.transformation.infer_shapes import InferShapes

from finn_worker import compile as stage
from finn_worker import steps, streamlined_cache
from finn_worker.verification import execute
from quantized_mlp import QuantizedMLP
from stagekit import Infeasible, Reporter, Request, StageError

FOLDING = [[4, 8], [2, 4], [1, 2], [2, 8]]
SPEC = {
    "folding": FOLDING,
    "target_fps": None,
    "board": "Pynq-Z1",
    "part": "xc7z020clg400-1",
    "clock_ns": 10.0,
    "oversized": "simulate",
}


@dataclass
class Outcome:
    """What one run of the stage left."""

    outputs: Path
    metrics: dict[str, Any]
    events: list[dict[str, Any]]


def write_request(root: Path, export: Path, **changes: Any) -> Path:
    """A request file, with its folders made, below `root`."""
    for name in ("outputs", "scratch", "cache"):
        (root / name).mkdir(parents=True)
    request = {"wire": 1, "stage": "compile", "key": "0" * 64, "spec": SPEC | changes}
    request |= {name: str(root / name) for name in ("outputs", "scratch", "cache")}
    request |= {"inputs": {"export": str(export)}, "cpus": 1, "result": str(root / "result.json")}
    path = root / "request.json"
    path.write_text(json.dumps(request), encoding="utf-8")
    return path


def compile_export(root: Path, export: Path, cache: Path | None = None, **changes: Any) -> Outcome:
    """Run the stage in this process; with a cache of its own, unless one is given."""
    request = Request.load(write_request(root, export, **changes))
    request = replace(request, cache=cache or request.cache)
    events = io.StringIO()
    stage.compile_model(request, Reporter(events))
    metrics = json.loads((request.outputs / "metrics.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in events.getvalue().splitlines()]
    return Outcome(request.outputs, metrics, lines)


@pytest.fixture(scope="module")
def network() -> QuantizedMLP:
    """2-bit weights and activations."""
    return QuantizedMLP()


@pytest.fixture(scope="module")
def export(network: QuantizedMLP, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of `network`."""
    return network.export(tmp_path_factory.mktemp("export"))


@pytest.fixture(scope="module")
def compiled(export: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """`network` compiled with FOLDING."""
    return compile_export(tmp_path_factory.mktemp("compiled"), export)


def files(folder: Path) -> dict[str, bytes]:
    """Contents by relative path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


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


def test_target_out_of_reach_is_infeasible_and_says_how_far_the_search_came(
    export: Path, tmp_path: Path
) -> None:
    with pytest.raises(Infeasible, match=r"ends at \d+ cycles, \d+ images/s: \(\d+,\d+\)"):
        compile_export(tmp_path, export, folding=None, target_fps=1e8)


def test_oversized_design_is_infeasible_with_figures_where_it_shall_stop(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has = {"lut": 10, "bram18": 1000, "dsp": 1000, "uram": 0}
    monkeypatch.setattr(stage.estimates, "available", lambda board, part: has)
    with pytest.raises(Infeasible, match=r"does not fit xc7z020clg400-1: .* \d+ of 10 LUT"):
        compile_export(tmp_path / "stop", export, oversized="stop")
    metrics = json.loads((tmp_path / "stop" / "outputs" / "metrics.json").read_text())
    assert not metrics["fits"]
    assert not compile_export(tmp_path / "go on", export).metrics["fits"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folding": None}, "Give one of the two"),
        ({"target_fps": 5.0}, "Give one of the two"),
        ({"folding": None, "target_fps": 0.0}, "Give one above 0"),
        ({"oversized": "ignore"}, "'simulate' or 'stop'"),
    ],
)
def test_contradicting_specs(
    export: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StageError) as caught:
        compile_export(tmp_path, export, **changes)
    assert message in caught.value.remedy


def test_progress_counts_up_to_its_total(compiled: Outcome) -> None:
    steps_done = [event for event in compiled.events if event["event"] == "progress"]
    assert [event["done"] for event in steps_done] == list(range(steps_done[0]["total"] + 1))


def test_same_bytes_in_another_process_and_folder(
    compiled: Outcome, export: Path, tmp_path: Path
) -> None:
    request = write_request(tmp_path / "elsewhere", export)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    environment |= {"HOME": str(tmp_path)}
    command = [sys.executable, "-m", "finn_worker", str(request)]
    finished = subprocess.run(
        command,
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads((tmp_path / "elsewhere" / "result.json").read_text(encoding="utf-8"))
    assert result["status"] == "done", finished.stderr
    assert all(json.loads(line)["event"] for line in finished.stdout.splitlines())
    ours, theirs = files(compiled.outputs), files(tmp_path / "elsewhere" / "outputs")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert [name for name in ours if str(compiled.outputs.parent).encode() in ours[name]] == []
    assert not list(tmp_path.glob(".finn")), "FINN+ wrote into the home folder"


def test_further_foldings_take_the_streamlined_model_from_the_cache(
    compiled: Outcome, export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(model: ModelWrapper) -> ModelWrapper:
        pytest.fail("streamlined again")

    other = [[2, 8], *FOLDING[1:]]
    alone = compile_export(tmp_path / "alone", export, folding=other)
    cache = compiled.outputs.parent / "cache"
    monkeypatch.setattr(stage, "STREAMLINING", [(name, refuse) for name, _ in stage.STREAMLINING])
    shared = compile_export(tmp_path / "shared", export, cache, folding=other)
    assert files(shared.outputs) == files(alone.outputs)
    assert files(shared.outputs) != files(compiled.outputs)
    assert shared.events[-1]["done"] == shared.events[-1]["total"]


@pytest.mark.parametrize("damage", ["emptied", "cut", "flipped"])
def test_a_damaged_entry_of_the_cache_is_made_again(
    compiled: Outcome, export: Path, tmp_path: Path, damage: str
) -> None:
    (name, whole), *others = files(compiled.outputs.parent / "cache").items()
    assert not others
    flipped = whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:]
    damaged = {"emptied": b"", "cut": whole[:-1000], "flipped": flipped}[damage]
    (tmp_path / name).write_bytes(damaged)
    again = compile_export(tmp_path / "again", export, tmp_path)
    assert files(again.outputs) == files(compiled.outputs)
    assert (tmp_path / name).read_bytes() == whole


def test_nobody_sees_half_an_entry(compiled: Outcome, tmp_path: Path) -> None:
    model = (compiled.outputs / "streamlined.onnx").read_bytes()
    entry = tmp_path / "entry"
    streamlined_cache.keep(entry, model, [])
    with ThreadPoolExecutor(2) as pool:
        writes = [pool.submit(streamlined_cache.keep, entry, model, []) for _ in range(50)]
        while not all(write.done() for write in writes):
            assert streamlined_cache.find(entry) is not None
    assert list(tmp_path.iterdir()) == [entry]


def test_another_export_has_another_entry(export: Path, tmp_path: Path) -> None:
    other = QuantizedMLP(weight_bits=3).export(tmp_path / "other")
    places = {streamlined_cache.place(tmp_path, folder) for folder in (export, other)}
    places.add(streamlined_cache.place(tmp_path / "elsewhere", export))
    assert len({place.name for place in places}) == 2


@pytest.mark.parametrize(
    ("layer", "fold", "names"),
    [
        (0, [3, 8], ["Layer 1", "64 inputs", "16 outputs", "PE 3", "1, 2, 4, 8, 16 would"]),
        (2, [1, 5], ["Layer 3", "16 inputs", "SIMD 5", "1, 2, 4, 8, 16 would"]),
        (3, [8, 1], ["Layer 4", "4 outputs", "PE 8", "1, 2, 4 would"]),
    ],
)
def test_folding_that_does_not_divide_is_infeasible(
    export: Path, tmp_path: Path, layer: int, fold: list[int], names: list[str]
) -> None:
    folding = [*FOLDING[:layer], fold, *FOLDING[layer + 1 :]]
    with pytest.raises(Infeasible) as caught:
        compile_export(tmp_path / "run", export, folding=folding)
    for name in names:
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("folding", "says"),
    [
        (FOLDING[:-1], "3 layers, the network 4"),
        ([*FOLDING, [1, 1]], "5 layers, the network 4"),
        ([[0, 1], *FOLDING[1:]], "[0, 1]"),
        ([[1], *FOLDING[1:]], "[1]"),
        ([[2.0, 8], *FOLDING[1:]], "[2.0, 8]"),
    ],
)
def test_malformed_folding(
    export: Path, tmp_path: Path, folding: list[list[int]], says: str
) -> None:
    with pytest.raises(StageError) as caught:
        compile_export(tmp_path / "run", export, folding=folding)
    assert says in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"board": "Pynq-Z9"}, "Pynq-Z9"),
        ({"part": "xc7z010clg400-1"}, "xc7z020clg400-1"),
        ({"clock_ns": 0.0}, "0.0 ns"),
    ],
)
def test_unknown_board_part_or_clock(
    export: Path, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(StageError) as caught:
        compile_export(tmp_path / "run", export, **changes)
    assert says in caught.value.what
    assert caught.value.remedy


@pytest.mark.parametrize("name", ["model.onnx", "golden.npz"])
def test_missing_file(network: QuantizedMLP, tmp_path: Path, name: str) -> None:
    folder = network.export(tmp_path / "export")
    (folder / name).unlink()
    with pytest.raises(StageError, match=name):
        compile_export(tmp_path / "run", folder)


@pytest.mark.parametrize("operator", ["Softmax", "Relu"])
def test_operator_without_a_hardware_layer_is_named(
    network: QuantizedMLP, tmp_path: Path, operator: str
) -> None:
    folder = network.export(tmp_path / "export", tail=operator)
    model = ModelWrapper(str(folder / "model.onnx")).transform(InferShapes())
    with np.load(folder / "golden.npz") as golden:
        logits = execute(model, golden["images"].astype(np.float32))
        changed = dict(golden) | {"logits": logits, "predictions": logits.argmax(axis=1)}
    np.savez(folder / "golden.npz", **changed)
    with pytest.raises(StageError, match=operator):
        compile_export(tmp_path / "run", folder)


def test_input_of_another_type(network: QuantizedMLP, tmp_path: Path) -> None:
    folder = network.export(tmp_path / "export", input_datatype="INT8")
    with pytest.raises(StageError, match="INT8"):
        compile_export(tmp_path / "run", folder)


def _with_parameters_mixed_up(model: ModelWrapper, node: Any) -> ModelWrapper:
    """Weights go to other inputs, or thresholds to other channels; nothing leaves its range."""
    values = model.get_initializer(node.input[1])
    model.set_initializer(node.input[1], np.roll(values, 1, axis=0))
    return model


@pytest.mark.parametrize(
    ("function", "kind", "step"),
    [
        ("convert_to_hardware", "Thresholding", "convert to hardware layers"),
        ("partition", "MVAU", "partition"),
        ("specialize_rtl", "Thresholding_rtl", "specialize to RTL"),
    ],
)
def test_step_that_changes_the_function_is_named(
    export: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    kind: str,
    step: str,
) -> None:
    original: Callable[..., ModelWrapper] = getattr(steps, function)

    def sabotaged(*arguments: Any) -> ModelWrapper:
        model = original(*arguments)
        return _with_parameters_mixed_up(model, model.get_nodes_by_op_type(kind)[0])

    monkeypatch.setattr(steps, function, sabotaged)
    with pytest.raises(StageError) as caught:
        compile_export(tmp_path / "run", export)
    assert f"'{step}'" in caught.value.what


def test_accumulator_too_narrow_for_its_values_is_named(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = steps.convert_to_hardware

    def cramped(model: ModelWrapper) -> ModelWrapper:
        model = original(model)
        model.set_tensor_datatype(model.get_nodes_by_op_type("MVAU")[1].output[0], DataType["INT2"])
        return model

    monkeypatch.setattr(steps, "convert_to_hardware", cramped)
    with pytest.raises(StageError, match=r"'convert to hardware layers'.*outside of INT2"):
        compile_export(tmp_path / "run", export)


def test_golden_outputs_of_another_network_are_noticed(
    network: QuantizedMLP, tmp_path: Path
) -> None:
    folder = network.export(tmp_path / "export")
    other = QuantizedMLP(seed=1).export(tmp_path / "other")
    (other / "model.onnx").rename(folder / "model.onnx")
    with pytest.raises(StageError, match="'exported'"):
        compile_export(tmp_path / "run", folder)


def test_folding_changed_behind_our_back_is_an_error(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = steps.generate_rtl

    def relaxed(*arguments: Any) -> ModelWrapper:
        model = original(*arguments)
        getCustomOp(model.get_nodes_by_op_type("MVAU_rtl")[1]).set_nodeattr("PE", 1)
        return model

    monkeypatch.setattr(steps, "generate_rtl", relaxed)
    with pytest.raises(StageError) as caught:
        compile_export(tmp_path / "run", export)
    assert "asked for (4,8) (2,4)" in caught.value.what
    assert "got (4,8) (1,4)" in caught.value.what
