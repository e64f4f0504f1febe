"""The search stage, and a compilation with a goal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from compile_stage import compile_export
from contract.finn.search import STAGE
from finn_worker.search.stage import search_network
from quantized_mlp import QuantizedMLP
from stage_runs import new_request, run
from stagekit import Infeasible, StageError

PYNQ, ZCU104 = ("Pynq-Z1", "xc7z020clg400-1"), ("ZCU104", "xczu7ev-ffvc1156-2-e")
GOAL = {"folding": None, "share": 0.85, "cores": ["dsp", "lut"]}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return QuantizedMLP((24, 6, 4)).export(tmp_path_factory.mktemp("exports") / "export")


def search(root: Path, export: Path, **changes: Any) -> dict[str, Any]:
    """Run the stage; what it leaves."""
    spec = {
        "goals": ["fastest"], "share": 0.85, "cores": ["dsp", "lut"], "front": False,
        "compared": False, "targets": [PYNQ], "clock_mhz": 100.0,
    }  # fmt: skip
    return run(search_network, new_request(root, STAGE, spec | changes, {"draft": export}))[1]


def test_each_board_has_its_designs(tmp_path: Path, export: Path) -> None:
    found = search(
        tmp_path, export, goals=["fastest", "smallest:24"], targets=[PYNQ, ZCU104], front=True,
        compared=True,
    )  # fmt: skip
    assert found["dma_cycles"] == 3  # 24 bytes
    for target in found["targets"]:
        fastest, smallest = target["designs"]
        assert fastest["interval"] < smallest["interval"] <= 24
        assert fastest["size"] > smallest["size"]
        sums = {
            name: sum(layer[name] for layer in fastest["layers"]) + fastest["between"][name]
            for name in ("lut", "ff", "bram18", "dsp")
        }
        assert all(sums[name] == fastest["model"][name] for name in sums)
        assert target["front"][0]["interval"] == fastest["interval"]
        sizes = [design["size"] for design in target["front"]]
        assert sizes == sorted(set(sizes), reverse=True)
        by_finn = target["compared"]["designs"]
        assert [design["asked"] for design in by_finn] == [
            design["interval"] for design in target["designs"]
        ]
        for design, other in zip(target["designs"], by_finn, strict=True):
            if not other["reason"] and other["interval"] <= design["interval"]:
                assert other["size"] >= design["size"] - 1e-12
        assert target["compared"]["fastest"]["interval"] >= fastest["interval"]


def test_cores_that_are_left_out_are_not_chosen(tmp_path: Path, export: Path) -> None:
    for core in ("dsp", "pumped"):
        found = search(tmp_path / core, export, cores=[core], goals=["smallest:24"])
        (design,) = found["targets"][0]["designs"]
        chosen = {layer["chosen"].get("core") for layer in design["layers"]}
        assert chosen <= ({None} if core == "dsp" else {None, "pumped"})
        assert design["model"]["dsp"] > 0


def test_nothing_that_fits_is_a_finding(tmp_path: Path, export: Path) -> None:
    with pytest.raises(Infeasible, match=r"the smallest takes .* of 53,200 LUT .*it would fit"):
        search(tmp_path / "small", export, share=0.143)
    with pytest.raises(Infeasible, match=r"the fastest takes 2, MVAU_"):
        search(tmp_path / "fast", export, goals=["smallest:1"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"goals": ["quick"]}, "has 'quick'"),
        ({"goals": ["smallest"]}, "gives no interval"),
        ({"cores": []}, "Known: dsp, lut, pumped"),
        ({"cores": ["asic"]}, "Known: dsp, lut, pumped"),
        ({"share": 0.0}, "above 0"),
    ],
)
def test_contradicting_specs(
    tmp_path: Path, export: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StageError) as caught:
        search(tmp_path, export, **changes)
    assert message in f"{caught.value.what} {caught.value.remedy}"


def test_a_goal_is_compiled(tmp_path: Path, export: Path) -> None:
    """What the search found is what is built."""
    found = compile_export(tmp_path, export, goal="fastest", **GOAL)
    searched = found.metrics["search"]
    assert found.metrics["ii_estimated"] == searched["interval"] == 2
    built = {layer["name"]: layer for layer in found.metrics["simulated"]["layers"]}
    for layer in searched["layers"]:
        if layer["name"].startswith("MVAU"):
            own = built[layer["name"].replace("MVAU_", "MVAU_rtl_")]
            assert (own["pe"], own["simd"]) == (layer["chosen"]["PE"], layer["chosen"]["SIMD"])
            core = layer["chosen"].get("core", "dsp")
            assert own["dsp_instantiated"] == (layer["dsp"] if core == "dsp" else 0)


def test_a_goal_that_nothing_reaches_is_a_finding(tmp_path: Path, export: Path) -> None:
    with pytest.raises(Infeasible, match="No folding takes 1 cycle per image or fewer"):
        compile_export(tmp_path, export, goal="smallest:1", **GOAL)
    with pytest.raises(StageError, match="without share or cores"):
        compile_export(tmp_path / "b", export, goal="fastest", folding=None)
    with pytest.raises(StageError, match="gives no interval"):
        compile_export(tmp_path / "c", export, goal="smallest", **GOAL)
