"""Faults of FINN+ that designs may meet: when, and what is said about them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_shapes import InferShapes

from accelerators import Bench
from compile_stage import Outcome, compile_export
from contract.finn.folding import loses_results
from finn_worker import folding, known_faults
from finn_worker.folding import Fold
from finn_worker.legal import Matrix
from pairs import compare, finn_module, own_module
from quantized_mlp import EPSILON, PIXEL_MAX, QuantizedMLP
from stagekit import Infeasible

MVU_MODULES = [
    finn_module("mvu/mvu_pkg.sv", rename=False),
    finn_module("mvu/replay_buffer.sv", rename=False),
    own_module("standins/mvu.sv"),
    finn_module("mvu/mvu_vvu_axi.sv", rename=False),
]


def test_exactly_the_shapes_that_lose_results_are_refused(tmp_path: Path) -> None:
    simds = (1, 2, 3, 5, 8, 15, 16, 49, 64)
    shapes = [(simd, sf, nf) for simd in simds for sf in (1, 2, 3) for nf in (1, 4)]
    configurations = [{"SIMD": simd, "SF": sf, "NF": nf} for simd, sf, nf in shapes]
    found = compare("mvu_results", configurations, MVU_MODULES, tmp_path, tmp_path)
    for (simd, sf, nf), (wrong, delivered) in zip(shapes, found, strict=True):
        assert loses_results(simd * sf, simd) == (wrong > 0), (simd, sf, nf)
        assert delivered > 1000, (simd, sf, nf)


@pytest.mark.parametrize(
    ("shape", "fold", "built"),
    [
        ((64, 64), (16, 64), (32, 32)),
        ((64, 64), (64, 64), (64, 32)),
        ((2, 8), (4, 2), (8, 1)),
        ((3, 6), (2, 3), (6, 1)),
        ((3, 8), (2, 3), (8, 1)),
        ((49, 64), (8, 49), (64, 7)),
        ((49, 64), (16, 49), (64, 7)),
        ((7, 5), (5, 7), (5, 1)),
    ],
)
def test_the_nearest_folding_in_speed_is_as_fast_where_it_can_be(
    shape: tuple[int, int], fold: tuple[int, int], built: tuple[int, int]
) -> None:
    layer = Matrix("MVAU_0", *shape)
    assert folding.nearest(layer, Fold(*fold)) == Fold(*built)


def test_a_layer_of_one_input_loses_results_however_it_is_folded() -> None:
    layers, folds = [Matrix("MVAU_0", 1, 8)], [Fold(2, 1)]
    with pytest.raises(Infeasible, match="a layer of one input has no other"):
        folding.check(layers, folds)
    with pytest.raises(Infeasible, match="a layer of one input has no other"):
        folding.without_losses(layers, folds)


def test_what_finns_search_finds_loses_no_results(tmp_path: Path) -> None:
    """Images of 7x7 pixels at a million a second on a ZCU102."""
    network = QuantizedMLP((49, 64, 64, 64, 10), weight_bits=3, act_bits=2)
    export = network.export(tmp_path / "export")
    target = {"folding": None, "target_fps": 1e6, "board": "ZCU102"}
    target["part"] = "xczu9eg-ffvb1156-2-e"
    compiled = compile_export(tmp_path / "compile", export, **target)

    note = compiled.metrics["folding_note"]
    assert "MVAU_0 (PE 1, SIMD 49 became PE 8, SIMD 7)" in note
    assert note in [event.get("text") for event in compiled.events]
    built = zip(compiled.metrics["folding"], network.sizes[:-1], strict=True)
    assert all(simd < inputs for (_, simd), inputs in built)
    assert compiled.metrics["ii_estimated"] <= 100
    _, metrics, events = Bench(network, tmp_path, export, compiled.outputs).run("simulate")
    assert metrics["bit_exact"]
    assert metrics["ii_simulated"] <= 100
    assert "NOT bit-exact" not in events


def test_a_search_that_loses_nothing_is_left_alone(export: Path, tmp_path: Path) -> None:
    compiled = compile_export(tmp_path, export, folding=None, target_fps=195312.5)
    assert compiled.metrics["folding_note"] is None


def test_sums_beyond_float32_are_blamed_where_there_are_some(tmp_path: Path) -> None:
    few, many = (QuantizedMLP(weight_bits=bits, act_bits=4) for bits in (8, 16))
    assert compiled_faults(tmp_path / "few", few) == []
    (fault,) = compiled_faults(tmp_path / "many", many)
    assert fault.startswith("MVAU_0 can sum beyond 2^24")


def compiled_faults(folder: Path, network: QuantizedMLP) -> list[str]:
    faults: list[str] = compile_export(folder / "run", network.export(folder / "export")).metrics[
        "known_faults"
    ]
    return faults


def test_simulation_blames_a_fault_only_where_the_design_meets_one(
    export: Path, compiled: Outcome, network: QuantizedMLP, tmp_path: Path
) -> None:
    bench = Bench(network, tmp_path, export, compiled.outputs)

    def broken(name: str, faults: list[str]) -> Path:
        """A copy with all thresholds of a layer at 0."""

        def change(rtl: Path) -> None:
            path = rtl.parent / "metrics.json"
            path.write_text(json.dumps(json.loads(path.read_text()) | {"known_faults": faults}))
            memory = next((rtl / "memories").rglob("*threshs_0_0*"))
            memory.write_text("0\n" * len(memory.read_text().splitlines()))

        return bench.variant(name, change)

    for name, faults in (("none", []), ("some", ["MVAU_0 can sum beyond 2^24."])):
        metrics, reason = bench.finding(f"simulate-{name}", broken(name, faults))
        assert not metrics["bit_exact"]
        assert ("a fault in FINN+: MVAU_0 can sum" in reason) == bool(faults)


def test_ties_are_blamed_where_there_are_some() -> None:
    network = QuantizedMLP()
    images = network.images.astype(np.float32)
    assert known_faults.of_export(named(network), images) == []
    # Sums of whole pixels by whole weights, shifted to lie between two steps
    first = network.layers[0]
    first.weights = np.round(first.weights / first.weight_scale) * PIXEL_MAX
    first.weight_scale = np.full_like(first.weight_scale, PIXEL_MAX)
    first.mean, first.variance = np.zeros(16), np.full(16, 1 - EPSILON)
    first.gain, first.offset, first.act_scale = np.ones(16), np.full(16, 0.5), 1.0
    (fault,) = known_faults.of_export(named(network), images)
    assert "Quant_4: inputs lie exactly between two steps" in fault


def named(network: QuantizedMLP) -> ModelWrapper:
    return network.to_qonnx().transform(InferShapes()).transform(GiveUniqueNodeNames())
