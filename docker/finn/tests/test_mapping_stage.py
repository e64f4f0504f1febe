"""What the map stage finds of a design, and what it does where it cannot map one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accelerators import Bench, compile_exported, compile_network
from contract.finn.map import STAGE as MAP
from finn_worker.mapping import layers, mapper, recipe, rules, stage, weights
from finn_worker.mapping.cores import BOX, divided
from finn_worker.mapping.mapped import Resources, Source, total
from finn_worker.mapping.mapper import Mapper
from stage_runs import run
from stagekit import Request

# Weights of 4 bits and inputs of 8: two PEs to a DSP slice, so that the first layer has two groups
# and an incomplete one.
FOLDING = [[5, 16], [2, 2], [2, 1]]
SIZES = (64, 40, 8, 4)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return compile_network(tmp_path_factory.mktemp("map"), SIZES, FOLDING, weight_bits=4)


@pytest.fixture(scope="module")
def yosys() -> Iterator[Mapper]:
    with Mapper("xc7", None, processes=2) as made:
        yield made


def _request(bench: Bench, name: str, compiled: Path | None = None) -> Request:
    return bench.request(name, compiled, stage=MAP, netlist=0)


def _run(request: Request) -> tuple[dict[str, Any], str]:
    return run(stage.map_design, request)[1:]


@pytest.fixture(scope="module")
def mapped(bench: Bench) -> tuple[Request, dict[str, Any]]:
    request = _request(bench, "map")
    return request, _run(request)[0]


def test_a_design_is_the_sum_of_its_layers_and_fifos(
    bench: Bench, mapped: tuple[Request, dict[str, Any]]
) -> None:
    _, found = mapped
    design = json.loads((bench.compiled / "design.json").read_text())
    assert [layer["name"] for layer in found["layers"]] == [n["name"] for n in design["nodes"]]
    assert [fifo["name"] for fifo in found["fifos"]] == [s["name"] for s in design["streams"]]
    for name in Resources().as_json():
        parts = [*found["layers"], *found["fifos"]]
        assert found[name] == sum(part[name] for part in parts) == found["reached"][name], name
    assert found["not_mapped"] == []
    # What FINN's Verilog instantiates is what is mapped.
    compiled = json.loads((bench.compiled / "metrics.json").read_text())
    assert found["dsp"] == compiled["simulated"]["dsp_instantiated"]


def test_the_part_has_to_hold_the_shell_too(mapped: tuple[Request, dict[str, Any]]) -> None:
    _, found = mapped
    assert found["fits"]
    assert found["available"] == {
        "lut": 53200, "ff": 106400, "bram18": 280, "dsp": 220, "uram": 0,
    }  # fmt: skip
    assert found["binds"] == "dsp"
    taken = found["dsp"] + found["reserve"]["dsp"]
    assert found["binding_share"] == pytest.approx(taken / 220, abs=1e-4)


def test_netlists_logs_and_cells_of_each_part_are_kept(
    mapped: tuple[Request, dict[str, Any]],
) -> None:
    request, found = mapped
    folder = request.outputs / stage.FOLDER
    names = {p["file"] for kind in ("layers", "fifos") for one in found[kind] for p in one["parts"]}
    assert {path.name.split(".")[0] for path in folder.iterdir()} == names
    for name in names:
        assert sum(json.loads((folder / f"{name}.json").read_text()).values()) > 0
        netlist, log = (
            gzip.decompress((folder / f"{name}.{kind}.gz").read_bytes()).decode()
            for kind in ("v", "log")
        )
        assert f"module {layers.TOP}" in netlist
        assert "synth_xilinx" in log


def test_mapping_again_gives_the_same_bytes_without_yosys(
    bench: Bench, mapped: tuple[Request, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, found = mapped
    monkeypatch.setattr(mapper._Process, "ask", None)
    again = _request(bench, "again")
    assert _run(again)[0] == found
    for path in (first.outputs / stage.FOLDER).iterdir():
        assert (again.outputs / stage.FOLDER / path.name).read_bytes() == path.read_bytes()


def test_a_layer_in_parts_takes_what_the_whole_takes(
    bench: Bench, yosys: Mapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights, "STEP", 96)
    design = json.loads((bench.compiled / "design.json").read_text())
    layer = layers.layer(design["nodes"][0], design, bench.compiled / "rtl")
    parts = divided(layer)
    assert weights.width(layer) == 5 * 16 * 4
    assert [(part.times, part.boxes) for part in parts.parts] == [
        (1, (BOX, weights.BOX)),  # what is around the core and the memory
        (2, ()), (1, ()),  # groups of two PEs, and one of one
        (-1, ()), (2, ()),  # 320 bits: 128, and two times what 96 more take
    ]  # fmt: skip
    _assert_alike(yosys, layer)


def test_a_core_of_luts_in_parts_takes_what_the_whole_takes(
    bench: Bench, yosys: Mapper, tmp_path: Path
) -> None:
    options = [["MVAU_0", "core", "lut"]]
    folding = [[5, 2], [2, 2], [2, 1]]
    luts = compile_exported(bench.mlp, tmp_path, bench.export, folding, options=options)
    design = json.loads((luts.compiled / "design.json").read_text())
    layer = layers.layer(design["nodes"][0], design, luts.compiled / "rtl")
    parts = divided(layer)
    assert [(part.times, part.boxes) for part in parts.parts] == [(1, (BOX,)), (-3, ()), (4, ())]
    _assert_alike(yosys, layer)


@pytest.mark.parametrize(
    ("bits", "pe", "fold", "steps"), [(2, 14, 2, 2), (2, 24, 1, 5), (4, 9, 2, 3), (6, 16, 1, 7)]
)
def test_thresholds_of_many_lanes_take_what_few_tell(
    yosys: Mapper, tmp_path: Path, bits: int, pe: int, fold: int, steps: int
) -> None:
    folding = [[pe, 4], [2, 2]]
    many = compile_network(tmp_path, (8, pe * fold, 4), folding, act_bits=bits)
    design = json.loads((many.compiled / "design.json").read_text())
    (node,) = (node for node in design["nodes"] if node["op_type"] == "Thresholding_rtl")
    layer = layers.layer(node, design, many.compiled / "rtl")
    assert [part.times for part in divided(layer).parts] == [1 - steps, steps]
    assert len(divided(layer, exact=True).parts) == 1
    _assert_alike(yosys, layer, raw=0.02, ff=0.01)


def _assert_alike(yosys: Mapper, layer: Source, *, raw: float = 0.01, ff: float = 0.003) -> None:
    flat, parts = yosys.layer(layer).resources, divided(layer)
    composed = parts.more + total(
        yosys.layer(part.source, boxes=part.boxes).resources * part.times for part in parts.parts
    )
    assert composed.lut_raw == pytest.approx(flat.lut_raw, rel=raw)
    assert composed.lut == pytest.approx(flat.lut, rel=0.024)
    assert composed.ff == pytest.approx(flat.ff, rel=ff)
    assert (composed.dsp, composed.bram18) == (flat.dsp, flat.bram18)


def test_memories_of_block_ram_do_not_tell_layers_apart(bench: Bench) -> None:
    words = "".join(f"{word:02x}\n" for word in range(256))
    others = "".join(f"{255 - word:02x}\n" for word in range(256))
    assert layers.typical(words) == layers.typical(others) != words
    shallow = "".join(f"{word:02x}\n" for word in range(rules.LUT_ROM_DEPTH))
    assert layers.typical(shallow) == shallow
    # One bit is always 1, so that 128 words have less than 1,024 bits.
    small = "".join(f"{word:02x}\n" for word in range(128, 256))
    assert layers.typical(small) == small


def test_a_layer_without_end_is_a_finding_with_what_was_reached(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = Mapper.layer

    def without_first(self: Mapper, source: Any, **options: Any) -> Any:
        if options["boxes"]:
            raise mapper.NotMapped("takes too long")
        return mapping(self, source, **options)

    monkeypatch.setattr(Mapper, "layer", without_first)
    found, events = _run(_request(bench, "without end"))
    assert found["not_mapped"] == ["MVAU_rtl_0: takes too long"]
    assert "lut" not in found
    assert "fits" not in found
    assert found["reached"]["lut"] > 0
    assert "lut" not in found["layers"][0]
    assert "Not mapped: MVAU_rtl_0: takes too long." in events


def test_a_part_of_another_family_is_a_finding(bench: Bench) -> None:
    def versal(rtl: Path) -> None:
        metrics = json.loads((rtl.parent / "metrics.json").read_text())
        metrics["part"] = "xcvc1902-vsva2197-2MP-e-S"
        (rtl.parent / "metrics.json").write_text(json.dumps(metrics))

    found, events = _run(_request(bench, "versal", bench.variant("versal-compile", versal)))
    assert "fits" not in found
    assert "a family that is not mapped to" in found["not_mapped"][0]
    assert "Not mapped: xcvc1902" in events


@pytest.mark.parametrize(
    ("part", "family"),
    [
        ("xc7z020clg400-1", "xc7"),
        ("xczu3eg-sbva484-1-i", "xcup"),
        ("xczu28dr-ffvg1517-2-e", "xcup"),
        ("xck26-sfvc784-2LV-c", "xcup"),
        ("xcu250-figd2104-2L-e", "xcup"),
        ("xcvu9p-flga2104-2-e", "xcup"),
        ("xcvc1902-vsva2197-2MP-e-S", None),
        ("xcku115-flva1517-1-c", None),
    ],
)
def test_families_are_told_by_the_part(part: str, family: str | None) -> None:
    assert recipe.family_of(part) == family
