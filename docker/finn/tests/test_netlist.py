"""Netlists that Yosys maps do what the RTL does: in every cycle, under random pauses."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accelerators import Bench, compile_cnn
from contract.finn.map import STAGE
from finn_worker.accelerator import Accelerator
from finn_worker.mapping import netlist, stage, verify
from finn_worker.mapping.mapped import Mapped, Source
from finn_worker.mapping.mapper import Mapper
from finn_worker.mapping.netlist import Netlist
from finn_worker.mapping.primitives import models
from finn_worker.rtl.top import fifo_width
from finn_worker.simulator_build import gather
from quantized_cnn import Conv, Dense, QuantizedCNN
from stagekit import Reporter, StageError, WrongResult

NETWORK = (Conv(channels=4, pad=1), Dense(8))
FOLDING = [[4, 3], [8, 2]]
OF_LUTS = [("MVAU_0", "core", "lut")]
DEEP = 40


@pytest.fixture(scope="module")
def mapper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapper]:
    """For 7-series, with a cache."""
    with Mapper("xc7", tmp_path_factory.mktemp("mapped"), contents=True) as made:
        yield made


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    network = QuantizedCNN(NETWORK, (1, 6, 6))
    return compile_cnn(tmp_path_factory.mktemp("netlist"), network, FOLDING, options=OF_LUTS)


@pytest.fixture(scope="module")
def accelerator(bench: Bench) -> Accelerator:
    return Accelerator.load(bench.compiled)


@pytest.fixture(scope="module")
def depths(accelerator: Accelerator) -> list[int]:
    """One FIFO is deep; the others are as shallow as can be."""
    return [DEEP, *[2] * (len(accelerator.design["streams"]) - 1)]


def of_parts(checked: verify.Checked, mapper: Mapper) -> Netlist:
    parts = checked.divided.parts
    return netlist.composed(parts, [mapper.layer(p.source, boxes=p.boxes) for p in parts])


def test_one_layer_of_each_kind_equals_its_rtl(
    bench: Bench, accelerator: Accelerator, depths: list[int], mapper: Mapper
) -> None:
    found = verify.verify(
        accelerator, depths, 3, mapper, bench.request("layers"), Reporter(io.StringIO())
    )
    kinds = {node["op_type"] for node in accelerator.design["nodes"]}
    assert kinds == {
        "ConvolutionInputGenerator_rtl", "FMPadding_rtl", "MVAU_rtl",
        "StreamingDataWidthConverter_rtl", "Thresholding_rtl",
    }  # fmt: skip
    assert {node.get("core") for node in accelerator.design["nodes"]} == {None, "dsp", "lut"}
    assert (found["different"], found["not_compared"]) == ({}, {})
    assert found["equal"] == len(accelerator.design["nodes"]) + len(depths)
    streams = accelerator.design["streams"]
    # Each stream is an output of a layer or of the design, and of a FIFO.
    assert found["transfers"] > 3 * sum(stream["beats"] for stream in streams)
    assert found["cycles"] > found["transfers"] / 4
    matrix = next(each for each in verify.checked(accelerator, depths) if "MVAU_rtl_1" in each.name)
    assert {"DSP48E1", "RAMB36E1"} < of_parts(matrix, mapper).kinds
    # Its core is put together of two groups of lanes and what is around them.
    assert [part.times for part in matrix.divided.parts] == [1, 2]


def test_a_whole_design_equals_its_rtl(
    bench: Bench, accelerator: Accelerator, depths: list[int], mapper: Mapper, tmp_path: Path
) -> None:
    """All netlists joined, beside the RTL as it is simulated: FINN's own modules."""
    parts = {each.name: of_parts(each, mapper) for each in verify.checked(accelerator, depths)}
    whole = joined(accelerator, parts)
    rtl = in_layer(gather(bench.compiled, depths, exact=True).rtl, accelerator, len(depths))
    memories = {p.name: p.read_text() for p in (bench.compiled / "rtl" / "memories").iterdir()}
    beats = {"s1_data": 3 * int(accelerator.design["streams"][-1]["beats"])}
    source = Source(top="layer", texts=rtl, memories=memories)
    found = netlist.compare(source, whole, beats, cache=bench.folder, scratch=tmp_path)
    assert found.different == 0
    assert found.transfers > beats["s1_data"]


def joined(accelerator: Accelerator, parts: dict[str, Netlist]) -> Netlist:
    """The netlists of a design's layers and FIFOs, connected as its streams are."""
    design, streams = accelerator.design, accelerator.design["streams"]
    ports = "".join(
        f"\t{way} logic [{fifo_width(streams[of])}-1:0] {end}_data,\n\t{way} logic {end}_valid,\n"
        f"\t{back} logic {end}_ready{comma}\n"
        for way, back, end, of, comma in (("input", "output", "t0", 0, ","),
                                          ("output", "input", "s1", -1, ""))
    )  # fmt: skip
    last = len(streams) - 1
    lines = [f"module netlist_layer(\n\tinput logic clk,\n\tinput logic rst_n,\n{ports});"]
    for i, stream in enumerate(streams):
        lines += [
            f"\twire [{fifo_width(stream)}-1:0] {e}{i}_d; wire {e}{i}_v, {e}{i}_r;" for e in "io"
        ]
        lines.append(
            f"\tfifo_{i} fifo{i}(.clk, .rst(!rst_n), .idat(i{i}_d), .ivld(i{i}_v), .irdy(i{i}_r), "
            f".odat(o{i}_d), .ovld(o{i}_v), .ordy(o{i}_r));"
        )
    for number, node in enumerate(design["nodes"]):
        pins, port = "", 0
        for end, wire, of in (("t", "o", "inputs"), ("s", "i", "outputs")):
            for stream in node[of].values():
                for pin in ("data", "valid", "ready"):
                    pins += f", .{end}{port}_{pin}({wire}{stream}_{pin[0]})"
                port += 1
        lines.append(f"\tnode_{number} node{number}(.clk, .rst_n{pins});")
    lines += [
        "\tassign i0_d = t0_data, i0_v = t0_valid, t0_ready = i0_r;",
        f"\tassign s1_data = o{last}_d, s1_valid = o{last}_v, o{last}_r = s1_ready;\nendmodule",
    ]
    names = [f"node_{n}" for n in range(len(design["nodes"]))] + [
        f"fifo_{i}" for i in range(last + 1)
    ]
    texts = [
        re.sub(
            r"\b(netlist_group_\d+|groups)\b",
            rf"{name}_\1",
            re.sub(r"\bnetlist_layer\b", name, part.text),
        )
        for name, part in zip(names, parts.values(), strict=True)
    ]
    return Netlist(
        "\n".join([*texts, *lines]), frozenset().union(*(part.kinds for part in parts.values()))
    )


def in_layer(rtl: dict[str, str], accelerator: Accelerator, streams: int) -> dict[str, str]:
    """The design's own top module in one of streams."""
    texts = dict(rtl)
    texts["accelerator.sv"] = re.sub(
        r"^(module|endmodule :) top\b", r"\1 accelerator", texts.pop("top.sv"), flags=re.MULTILINE
    )
    of = accelerator.design["streams"]
    texts["layer.sv"] = f"""\
module layer (
	input	logic  clk,
	input	logic  rst_n,
	input	logic [{fifo_width(of[0])}-1:0]  t0_data,
	input	logic  t0_valid,
	output	logic  t0_ready,
	output	logic [{fifo_width(of[-1])}-1:0]  s1_data,
	output	logic  s1_valid,
	input	logic  s1_ready
);
	uwire [31:0]  depth[{streams}];
	for(genvar  i = 0; i < {streams}; i++)  assign  depth[i] = 0;
	accelerator it (
		.clk, .rst_n, .depth, .counting(1'b0), .blocked(), .starved(),
		.in_data(t0_data), .in_valid(t0_valid), .in_ready(t0_ready),
		.out_data(s1_data), .out_valid(s1_valid), .out_ready(s1_ready)
	);
endmodule : layer
"""
    return texts


# A bit of the first weight in a block RAM, and of a sum of six bits, of which each case occurs.
WEIGHT = re.compile(r"(RAMB36E1 #\(.*?\.INIT_00\(256'b[01x]*)([01])\)", re.DOTALL)
SUM = re.compile(r"(LUT6 #\(\s*\.INIT\(64'h966969966996966)(9)\)")


class Faulty:
    """A mapper in whose netlists one bit of a constant is another."""

    def __init__(self, mapper: Mapper, constant: re.Pattern[str]) -> None:
        self._mapper, self._constant = mapper, constant
        self.key = mapper.key
        self.changed = 0

    def layer(self, source: Source, *, boxes: tuple[str, ...] = ()) -> Mapped:
        mapped = self._mapper.layer(source, boxes=boxes)
        text, changed = self._constant.subn(
            lambda found: f"{found[1]}{int(found[2]) ^ 1})", mapped.netlist, count=1
        )
        self.changed += changed
        return replace(mapped, netlist=text)


@pytest.mark.parametrize("constant", [WEIGHT, SUM], ids=["weight", "sum"])
def test_another_bit_in_a_constant_is_found(
    bench: Bench,
    accelerator: Accelerator,
    depths: list[int],
    mapper: Mapper,
    constant: re.Pattern[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only = [each for each in verify.checked(accelerator, depths) if each.name == "MVAU_rtl_1"]
    monkeypatch.setattr(verify, "checked", lambda *_: iter(only))
    faulty = Faulty(mapper, constant)
    request = bench.request(f"faulty {constant.pattern[1:5]}")
    found = verify.verify(accelerator, [], 3, faulty, request, Reporter(io.StringIO()))  # type: ignore[arg-type]
    assert faulty.changed == 1
    assert list(found["different"]) == ["MVAU_rtl_1"]
    assert found["equal"] == 0
    assert "MVAU_rtl_1 (from cycle " in verify.reason(found)


@pytest.mark.parametrize(("different", "raises"), [({"MVAU_rtl_1": 77}, True), ({}, False)])
def test_a_netlist_that_differs_is_a_wrong_result(
    bench: Bench, different: dict[str, int], raises: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {"images": 5, "equal": 1, "different": different, "not_compared": {}}
    asked: list[Any] = []
    monkeypatch.setattr(verify, "verify", lambda *args: asked.append(args) or found)
    monkeypatch.setattr(stage, "_map", lambda *_: {})
    monkeypatch.setattr(stage, "_metrics", lambda *_: {"not_mapped": []})
    request = bench.request(f"map {raises}", stage=STAGE, netlist=5)
    ends = pytest.raises(WrongResult, match=r"than the RTL: MVAU_rtl_1 \(from cycle 77\)\.")
    with ends if raises else nullcontext():
        stage.map_design(request, Reporter(io.StringIO()))
    metrics = json.loads((request.outputs / "metrics.json").read_text())
    assert (metrics["netlist"], asked[0][2]) == (found, 5)


def test_parts_of_other_families_are_refused() -> None:
    verify.check_family("xc7", "xc7z020")
    with pytest.raises(StageError, match="xczu7ev cannot be simulated: there are models of the"):
        verify.check_family("xcup", "xczu7ev")
    with pytest.raises(StageError, match="no model of RAMB36E2, URAM288"):
        models({"URAM288", "RAMB36E2", "LUT1"})
