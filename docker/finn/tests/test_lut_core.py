"""The core of LUTs: equal to FINN's in every cycle, and in a design where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from accelerators import FOLDING, SIZES, Bench, compile_network
from finn_worker.rtl import lut_core
from finn_worker.simulator_build import gather
from pairs import CYCLES, compare, finn_module, own_module
from stagekit import Infeasible, StageError

CORES = [
    finn_module("mvu/mvu_pkg.sv", rename=False),
    finn_module("mvu/add_multi.sv", rename=False),
    finn_module("mvu/mvu.sv"),
    own_module("cores/mvu_lut.sv", "mvu"),
]
WIDTHS = range(1, 9)
OF_LUTS = [("MVAU", "core", "lut"), ("MVAU_0", "core", "dsp")]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def core(
    weights: int, activations: int, signed: bool, pe: int, simd: int, **more: int
) -> dict[str, Any]:
    return {
        "PE": pe, "SIMD": simd, "WEIGHT_WIDTH": weights, "ACTIVATION_WIDTH": activations,
        "SIGNED_ACTIVATIONS": int(signed),
    } | more  # fmt: skip


def assert_equal(configurations: list[dict[str, Any]], cache: Path, folder: Path) -> None:
    found = compare("mvu_pair", configurations, CORES, cache, folder, CYCLES // 15)
    for configuration, (different, active) in zip(configurations, found, strict=True):
        assert different == 0, configuration
        assert active > CYCLES / 1000, configuration


def test_core_equals_finns_at_all_widths(cache: Path, tmp_path: Path) -> None:
    """With one or two inputs at once."""
    widths = [(w, a, signed) for w in WIDTHS for a in WIDTHS for signed in (False, True)]
    configurations = [core(*each, pe=1, simd=1 + n % 2) for n, each in enumerate(widths)]
    assert_equal(configurations, cache, tmp_path)


def test_core_equals_finns_in_every_form(cache: Path, tmp_path: Path) -> None:
    """Trees of any number of inputs, halts, and sums of more bits than they need.

    Of one input, FINN's own core goes on when it is halted (the delay in add_multi.sv); nothing
    in FINN halts a core.
    """
    forms = [(1, 1, False), (1, 1, True), (1, 3, True), (2, 1, True), (2, 2, False), (3, 2, True)]
    configurations = [
        core(*forms[n % 6], pe=1 + n % 3, simd=simd, ENABLE=int(n > 5 and simd > 1), SLACK=n % 4)
        for n, simd in enumerate([1, 2, 3, 4, 5, 7, 8, 9, 33, 1, 4, 6, 2, 17, 5, 1, 7, 12])
    ]
    assert_equal(configurations, cache, tmp_path)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("lut")
    return compile_network(folder, SIZES, FOLDING, weight_bits=4, options=OF_LUTS)


def test_a_design_has_the_core_where_it_is_asked_for(bench: Bench) -> None:
    metrics = json.loads((bench.compiled / "metrics.json").read_text())
    design = json.loads((bench.compiled / "design.json").read_text())
    assert metrics["cores"] == {"dsp": 1, "lut": 3}
    assert [layer["core"] for layer in metrics["simulated"]["layers"] if layer["mw"]] == [
        "dsp", "lut", "lut", "lut",
    ]  # fmt: skip
    assert [node["core"] for node in design["nodes"] if "core" in node] == ["dsp", *["lut"] * 3]
    assert "3 MVAU_rtl with bench's core of LUTs in place of FINN's" in metrics["simulated_variant"]
    of_luts = next(node for node in design["nodes"] if node["name"] == "MVAU_rtl_1")
    assert {"lib/mvu_lut.sv", "lib/mvu_vvu_axi_lut.sv"} < set(of_luts["sources"])
    assert not {"lib/mvu.sv", "lib/mvu_vvu_axi.sv"} & set(of_luts["sources"])
    assert "Not FINN's mvu_vvu_axi.sv as it came" in (
        bench.compiled / "rtl" / "lib" / "mvu_vvu_axi_lut.sv"
    ).read_text(encoding="utf-8")


def test_for_the_board_finn_builds_its_own_layer_of_luts(bench: Bench) -> None:
    built = ModelWrapper(str(bench.compiled / "board.onnx"))
    kinds = [node.op_type for node in built.graph.node if node.op_type.startswith("MVAU")]
    assert kinds == ["MVAU_rtl", *["MVAU_hls"] * 3]
    assert {getCustomOp(node).get_nodeattr("resType") for node in built.graph.node
            if node.op_type == "MVAU_hls"} == {"lut"}  # fmt: skip


def test_fast_and_exact_simulations_agree_in_every_cycle(bench: Bench) -> None:
    """The one with what stands for both cores, the other with FINN's core and the one of LUTs."""
    fast, exact = (bench.run(name, exact=name == "exact")[1] for name in ("fast", "exact"))
    assert fast["bit_exact"]
    assert exact["bit_exact"]
    for figure in ("ii_simulated", "latency_cycles", "cycles", "stalls"):
        assert exact[figure] == fast[figure]
    assert "mvu_lut #" in gather(bench.compiled, exact=True).rtl["mvu_vvu_axi_lut.sv"]


def test_an_exact_simulation_is_of_the_core(bench: Bench) -> None:
    """A carry that is lost in it makes the results wrong."""

    def change(rtl: Path) -> None:
        file = rtl / "lib" / "mvu_lut.sv"
        text = file.read_text(encoding="utf-8")
        wrong = text.replace("extended + (First? '0 : Sum)", "extended | (First? '0 : Sum)")
        assert wrong != text
        file.write_text(wrong, encoding="utf-8")

    metrics, reason = bench.finding("wrong", bench.variant("changed", change), exact=True)
    assert not metrics["bit_exact"]
    assert "the RTL gives other outputs" in reason


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("mvu #(", "mvu_other #("),
        ("module mvu_vvu_axi", "module mvu_vvu_axis"),
        ("end : genSoftVec", "end : genOther"),
    ],
)
def test_another_source_of_finns_is_refused(change: str, by: str) -> None:
    _, text = finn_module("mvu/mvu_vvu_axi.sv", rename=False)
    assert change in text
    with pytest.raises(StageError, match=r"FINN's mvu_vvu_axi\.sv does not look as expected"):
        lut_core.around_luts(text.replace(change, by))


@pytest.mark.parametrize(
    ("bits", "options", "says"),
    [
        (9, [("MVAU_1", "core", "lut")], "MVAU_1: its weights have 9 bits, and a core of LUTs"),
        (4, [("MVAU", "resType", "dsp"), ("MVAU_2", "core", "lut")], "resType 'dsp' does not"),
    ],
)
def test_what_a_core_of_luts_cannot_be_is_refused(
    bits: int, options: list[Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(Infeasible) as caught:
        compile_network(tmp_path, SIZES, FOLDING, weight_bits=bits, options=options)
    assert says in str(caught.value)
