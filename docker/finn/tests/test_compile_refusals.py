"""What the compile stage refuses, finds infeasible, or notices to have gone wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from compile_stage import FOLDING, compile_export
from finn_worker import compile as stage
from finn_worker import folding, steps
from quantized_mlp import QuantizedMLP
from stagekit import Infeasible, StageError


def test_target_out_of_reach_is_infeasible_and_says_how_far_the_search_came(
    export: Path, tmp_path: Path
) -> None:
    with pytest.raises(Infeasible) as caught:
        compile_export(tmp_path, export, folding=None, target_fps=5e7)
    message = str(caught.value)
    assert re.search(r"for 2 cycles per image ends at \d+", message), message
    assert re.search(r"At 100 MHz that is [\d,.]+ images/s where 50,000,000 are asked for", message)


def test_target_that_only_a_design_that_loses_results_reaches_is_infeasible(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_at_once = [folding.Fold(16, 64), folding.Fold(16, 16), folding.Fold(8, 16)]
    chosen = [*all_at_once, folding.Fold(4, 8)]
    searched = folding.Searched(chosen, {})
    monkeypatch.setattr(folding, "search", lambda model, cycles: searched)
    with pytest.raises(Infeasible) as caught:
        compile_export(tmp_path, export, folding=None, target_fps=1e8)
    assert "MVAU_0 (PE 16, SIMD 64 became PE 16, SIMD 32)" in str(caught.value)
    assert "So an image takes 2 cycles instead of 1." in str(caught.value)


def test_more_images_than_cycles_are_infeasible(export: Path, tmp_path: Path) -> None:
    with pytest.raises(Infeasible, match="at most 100,000,000 images/s can be asked for"):
        compile_export(tmp_path, export, folding=None, target_fps=1e9)


def test_a_target_that_any_folding_reaches_is_met(export: Path, tmp_path: Path) -> None:
    found = compile_export(tmp_path, export, folding=None, target_fps=1e-300)
    assert found.metrics["folding"] == [[1, 1]] * 4


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
        ({"folding": None}, "Give one."),
        ({"target_fps": 5.0}, "Give one."),
        ({"folding": None, "target_fps": 0.0}, "a number above 0"),
        ({"oversized": "ignore"}, "'simulate' or 'stop'"),
    ],
)
def test_contradicting_specs(
    export: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StageError) as caught:
        compile_export(tmp_path, export, **changes)
    assert message in caught.value.remedy


@pytest.mark.parametrize(
    ("layer", "fold", "names"),
    [
        (0, [3, 8], ["MVAU_0 (64 inputs", "16 outputs", "PE 3", "1, 2, 4, 8, 16 would"]),
        (2, [1, 5], ["MVAU_2 (16 inputs", "SIMD 5", "1, 2, 4, 8 would"]),
        (2, [2, 16], ["MVAU_2", "SIMD 16 takes all inputs", "PE 4 with SIMD 8 is as fast"]),
        (3, [4, 8], ["MVAU_3", "SIMD 8", "PE 4 with SIMD 4 is the nearest, 2 cycles", "of 1"]),
        (3, [8, 1], ["MVAU_3", "4 outputs", "PE 8", "1, 2, 4 would"]),
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
        ([[1], *FOLDING[1:]], "(1,)"),
        ([[2.0, 8], *FOLDING[1:]], "(2.0, 8)"),
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
        ({"clock_mhz": 0.0}, "clock_mhz is 0.0"),
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
    assert "asked for MVAU_1 PE 2 SIMD 4, got PE 1 SIMD 4." in caught.value.what
