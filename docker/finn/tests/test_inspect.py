"""The inspect stage: what it says of a network, and that the compile stage says the same."""

from __future__ import annotations

import copy
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model

from compile_stage import FOLDING, Outcome
from contract.finn.inspect import STAGE
from finn_worker import inspect as stage
from given_models import Given, Runs
from quantized_cnn import Conv, Dense, MaxPool, QuantizedCNN, Residual
from quantized_mlp import QuantizedMLP
from stage_runs import new_request, run
from stagekit import Infeasible, Reporter, Request, StageError

PYNQ, ULTRA96 = ("Pynq-Z1", "xc7z020clg400-1"), ("Ultra96", "xczu3eg-sbva484-1-e")
LIMITLESS = [[16, 64], *FOLDING[1:]]  # SIMD = MW


def folding(
    name: str, pairs: list[list[int]] | None, fps: float | None = None, *options: Any
) -> Any:
    """A folding, as the host states it."""
    return [name, [["folding", pairs], ["target_fps", fps], ["options", options]]]


def draft_of(export: Path, folder: Path) -> Path:
    """What a draft leaves: a model, and no golden outputs."""
    folder.mkdir()
    shutil.copy(export / "model.onnx", folder / "model.onnx")
    return folder


def request(
    root: Path, draft: Path, *foldings: Any, targets: Any = (PYNQ,), cache: Path | None = None
) -> Request:
    """The request to inspect `draft`."""
    spec = {"foldings": foldings, "targets": targets, "clock_mhz": 100.0}
    return new_request(root, STAGE, spec, {"draft": draft}, cache)


def inspected(root: Path, draft: Path, *foldings: Any, **options: Any) -> dict[str, Any]:
    """The metrics that an inspection leaves."""
    return run(stage.inspect_model, request(root, draft, *foldings, **options))[1]


def test_its_figures_are_those_of_the_compile_stage(
    export: Path, compiled: Outcome, tmp_path: Path
) -> None:
    draft = draft_of(export, tmp_path / "draft")
    found = inspected(tmp_path, draft, folding("given", FOLDING))
    (design,) = found["designs"]
    later = compiled.metrics
    assert design["ii_estimated"] == later["ii_estimated"]
    assert design["needed"] == {name: later[name] for name in design["needed"]}
    cycles = [layer["cycles_estimated"] for layer in later["simulated"]["layers"]]
    assert [layer["cycles"] for layer in design["layers"]] == cycles
    assert [layer["op_type"] for layer in design["layers"]] == [
        layer["op_type"] for layer in later["layers"]
    ]
    slowest = max(design["layers"], key=lambda layer: layer["cycles"])
    assert design["bottleneck"] == slowest["name"]
    assert (design["folding"], design["reason"], design["fits"]) == ("given", None, True)


def test_a_design_that_is_searched_for_has_the_figures_that_found_it(
    export: Path, tmp_path: Path
) -> None:
    name, fields = folding("fastest", None)
    asked = [name, [*fields, ["goal", "fastest"], ["share", 0.85], ["cores", ["dsp", "lut"]]]]
    (design,) = inspected(tmp_path, draft_of(export, tmp_path / "draft"), asked)["designs"]
    assert (design["by"], design["fits"], design["uncharged"]) == ("model", True, {})
    of_layers = sum(layer["lut"] or 0 for layer in design["layers"])
    assert of_layers + design["between"]["lut"] == design["needed"]["lut"] > 0
    assert design["needed"]["lut"] + design["reserve"]["lut"] <= 0.85 * design["available"]["lut"]


def test_it_lists_layers_with_what_they_can_be_folded_by(export: Path, tmp_path: Path) -> None:
    found = inspected(tmp_path, draft_of(export, tmp_path / "draft"))
    first, thresholds = found["layers"][:2]
    assert (first["name"], first["what"], first["weights"]) == ("MVAU_0", "64 x 16", "INT2")
    assert first["pe"] == [1, 2, 4, 8, 16]
    assert first["simd"] == [1, 2, 4, 8, 16, 32], "all inputs at once lose results"
    assert (first["input_shape"], first["output_shape"]) == ([64], [16])
    assert (thresholds["kind"], thresholds["pe"], thresholds["simd"]) == (
        "Thresholding", [1, 2, 4, 8, 16], None,
    )  # fmt: skip
    assert found["host"]["before"] == []
    assert {node["op"] for node in found["host"]["after"]} <= {"Mul", "Add"}
    (design,) = found["designs"]
    assert {layer["pe"] for layer in design["layers"]} == {1}, "the smallest, where none is given"


def test_each_folding_and_board_is_looked_at_by_itself(export: Path, tmp_path: Path) -> None:
    odd = [[3, 8], *FOLDING[1:]]
    draft = draft_of(export, tmp_path / "draft")
    asked = (folding("good", FOLDING), folding("odd", odd), folding("searched", None, 1000.0))
    found = inspected(tmp_path, draft, *asked, targets=(PYNQ, ULTRA96))
    reasons = {(d["folding"], d["board"]): d["reason"] for d in found["designs"]}
    assert len(reasons) == 6
    assert reasons["good", "Pynq-Z1"] is reasons["searched", "Ultra96"] is None
    assert "PE 3 does not divide 16" in reasons["odd", "Pynq-Z1"]
    available = {d["board"]: d["available"] for d in found["designs"] if not d["reason"]}
    assert available["Pynq-Z1"] != available["Ultra96"]


def test_depths_that_cannot_be_are_found_before_training(export: Path, tmp_path: Path) -> None:
    deep = folding("deep", FOLDING, None, ["MVAU_1", "inFIFODepths", [3000]])
    asked = request(tmp_path, draft_of(export, tmp_path / "draft"), deep)
    with pytest.raises(Infeasible, match="cannot have 3000 words"):
        stage.inspect_model(asked, Reporter(io.StringIO()))


def test_where_no_folding_can_be_it_says_why_of_each(export: Path, tmp_path: Path) -> None:
    asked = request(
        tmp_path,
        draft_of(export, tmp_path / "draft"),
        folding("odd", [[3, 8], *FOLDING[1:]]),
        folding("wide", LIMITLESS),
    )
    with pytest.raises(Infeasible) as caught:
        stage.inspect_model(asked, Reporter(io.StringIO()))
    assert "odd: MVAU_0" in str(caught.value)
    assert "PE 3 does not divide" in str(caught.value)
    assert "wide: MVAU_0" in str(caught.value)
    left = json.loads((asked.outputs / "metrics.json").read_text())
    assert left["layers"][0]["name"] == "MVAU_0", "what there is, is listed"


def test_boards_are_named_where_reasons_differ() -> None:
    records = [
        {"folding": folding, "board": board, "reason": reason}
        for folding, board, reason in (
            ("odd", "A", "PE."), ("odd", "B", "PE."),
            ("fastest", "A", "a."), ("fastest", "B", "b."),
        )
    ]  # fmt: skip
    assert stage._reasons(records) == {"odd": "PE.", "fastest on A": "a.", "fastest on B": "b."}


def test_what_cannot_be_compiled_is_refused_in_the_same_words(tmp_path: Path) -> None:
    network = QuantizedMLP()
    folder = network.export(tmp_path / "export", tail="Tanh")
    asked = request(tmp_path, draft_of(folder, tmp_path / "draft"), folding("given", FOLDING))
    with pytest.raises(StageError, match="no hardware layer for Tanh") as caught:
        stage.inspect_model(asked, Reporter(io.StringIO()))
    assert caught.value.remedy
    assert list(asked.outputs.iterdir()) == []


def test_a_second_look_takes_the_streamlined_model_from_the_cache(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(export, tmp_path / "draft")
    first = inspected(tmp_path / "first", draft)

    def refuse(model: ModelWrapper) -> ModelWrapper:
        pytest.fail("streamlined again")

    monkeypatch.setattr(stage.front, "STREAMLINING", [("streamline", refuse)])
    second = inspected(tmp_path / "second", draft, cache=tmp_path / "first" / "cache")
    assert second == first


def test_a_network_that_branches_names_layers_as_the_hardware_graph_does(tmp_path: Path) -> None:
    layers = (
        Conv(channels=4, pad=1),
        Residual((Conv(channels=4, pad=1),), (Conv(channels=4, kernel=1),)),
        MaxPool(2),
        Dense(5),
    )
    network = QuantizedCNN(layers, (3, 8, 8))
    folder = network.export(tmp_path / "export")
    found = inspected(tmp_path, draft_of(folder, tmp_path / "draft"))
    (design,) = found["designs"]
    described = {layer["name"]: layer for layer in found["layers"]}
    kinds = {layer["kind"] for layer in found["layers"]}
    assert {"MVAU", "DuplicateStreams", "ElementwiseAdd", "FMPadding", "Pool"} <= kinds
    placed = {layer["name"]: layer for layer in design["layers"]}
    assert described.keys() <= placed.keys()
    for name, layer in described.items():
        assert placed[name]["op_type"].startswith(layer["kind"])
        if layer["kind"] == "MVAU":
            pixels = layer["output_shape"][0] ** 2 if len(layer["output_shape"]) == 3 else 1
            assert placed[name]["cycles"] == layer["mw"] * layer["mh"] * pixels
    stand_ins = {layer["name"] for layer in design["layers"] if layer["stand_in"]}
    assert {name.split("_")[0] for name in stand_ins} >= {"DuplicateStreams", "Pool"}
    assert [node["op"] for node in found["host"]["before"]] == ["Transpose"]


def test_the_search_goes_on_where_layers_around_the_matrices_are_slower(tmp_path: Path) -> None:
    """Whatever throughput a faster design has, can be asked for."""
    layers = (
        Conv(channels=8, pad=1),
        Residual((Conv(channels=8, pad=1),), (Conv(channels=8, kernel=1),)),
        MaxPool(2),
        Dense(5),
    )
    folder = QuantizedCNN(layers, (2, 12, 12)).export(tmp_path / "export")
    wanted = range(1400, 5600, 600)
    asked = [folding(f"{cycles}", None, 1e8 / cycles) for cycles in wanted]
    found = inspected(tmp_path, draft_of(folder, tmp_path / "draft"), *asked)
    cannot = [int(d["folding"]) for d in found["designs"] if d["reason"]]
    can = {int(d["folding"]): d["ii_estimated"] for d in found["designs"] if not d["reason"]}
    assert not cannot or max(cannot) < min(can.values())
    assert all(taken <= cycles for cycles, taken in can.items())


@pytest.mark.parametrize(
    ("kernel", "size", "remedy"),
    [(3, "4x4", "End with a fully connected layer"), (6, "1x1", "one with 2 outputs")],
)
def test_an_output_that_is_an_image_is_refused_as_in_a_compilation(
    kernel: int, size: str, remedy: str, tmp_path: Path
) -> None:
    """A draft has no golden outputs; those that are made for it are rows, as all others."""
    given = Given()
    x = given.quant(conv(given, "x", (4, 1, 3, 3)), 0.25, 3, signed=0)
    model = given.proto(conv(given, x, (2, 4, kernel, kernel)), [1, 1, 8, 8])
    draft = tmp_path / "draft"
    draft.mkdir()
    unshaped = copy.deepcopy(model)
    unshaped.graph.output[0].type.tensor_type.ClearField("shape")
    made = cleanup_model(ModelWrapper(unshaped))
    made.set_tensor_datatype(made.graph.input[0].name, DataType["UINT8"])
    made.save(str(draft / "model.onnx"))
    with pytest.raises(StageError) as of_draft:
        inspected(tmp_path, draft)
    images = np.random.default_rng(1).integers(0, 256, (4, 1, 8, 8), dtype=np.uint8)
    runs = Runs(tmp_path / "given")
    imported, _, _ = runs.read(model, images)
    with pytest.raises(StageError) as of_compilation:
        runs.compile(imported)
    assert of_draft.value.what == f"The output is an image of {size} pixels, after layer 2."
    assert remedy in of_draft.value.remedy
    assert (of_draft.value.what, of_draft.value.remedy) == (
        of_compilation.value.what, of_compilation.value.remedy,
    )  # fmt: skip


def conv(given: Given, x: str, shape: tuple[int, int, int, int]) -> str:
    side = shape[-1]
    settings = {"pads": [0] * 4, "strides": [1, 1], "dilations": [1, 1], "group": 1}
    return given("Conv", x, given.weights(*shape), kernel_shape=[side, side], **settings)
