"""The model of block RAM: memories of every kind and width, as Yosys maps them, and their RTL."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from finn_worker.mapping import netlist
from finn_worker.mapping.cores import Part
from finn_worker.mapping.mapped import Source
from finn_worker.mapping.mapper import Mapper

RTL = (Path(__file__).parent / "rtl" / "memories.sv").read_text(encoding="utf-8")
# Width and depth of what fills a RAMB18E1 and a RAMB36E1, and of a cascade of two.
SHAPES = [
    *((1, 16384), (2, 8192), (4, 4096), (9, 2048), (18, 1024), (36, 512)),
    *((1, 32768), (2, 16384), (4, 8192), (9, 4096), (18, 2048), (36, 1024), (72, 512)),
]
ANSWERS = 4000


def memories() -> tuple[list[str], dict[str, str]]:
    """Parameters of each memory, and contents by file."""
    rng = np.random.default_rng(3)
    found, contents = [], {}
    for width, depth in SHAPES:
        name = f"memory_{width}_{depth}.dat"
        words = (int.from_bytes(rng.bytes(9)) % 2**width for _ in range(depth))
        contents[name] = "".join(f"{word:x}\n" for word in words)
        shape = f'.WIDTH({width}), .DEPTH({depth}), .INIT("{name}")'
        found.append(f"{shape}, .ONE_PORT(0), .NEW(0)")
        if width <= 36:
            found.append(f"{shape}, .ONE_PORT(1), .NEW({width % 2})")
    found.append(".WIDTH(36), .DEPTH(512), .ONE_PORT(0), .NEW(0), .BYTE(9)")
    found.append(".WIDTH(72), .DEPTH(512), .ONE_PORT(0), .NEW(0), .BYTE(9)")
    found.append(".WIDTH(1), .DEPTH(65536), .ONE_PORT(1), .NEW(0)")
    return found, contents


def source() -> Source:
    """All of them behind one stream of requests."""
    parameters, contents = memories()
    instances = "".join(
        f"\tone_memory #({values}) memory_{i} "
        f"(.clk, .en, .we, .at, .from, .data, .got(got[{i}]));\n"
        for i, values in enumerate(parameters)
    )
    text = f"""\
module layer (
	input	logic  clk,
	input	logic  rst_n,
	input	logic [144-1:0]  t0_data,
	input	logic  t0_valid,
	output	logic  t0_ready,
	output	logic [{72 * len(parameters)}-1:0]  s1_data,
	output	logic  s1_valid,
	input	logic  s1_ready
);
	uwire  we = t0_data[136];
	// A few addresses often, so that what was written is read again
	uwire [31:0]  near = {{ t0_data[31:16], 12'h0, t0_data[3:0] }};
	uwire [31:0]  at = t0_data[138:137] == 0? t0_data[31:0] : near;
	uwire [31:0]  any = t0_data[140]? t0_data[63:32] : {{ 28'h0, t0_data[35:32] }};
	uwire [31:0]  from = t0_data[139]? at : any;
	uwire [71:0]  data = t0_data[135:64];
	uwire [{len(parameters) - 1}:0][71:0]  got;
	logic  Valid = 0;
	assign  t0_ready = !Valid || s1_ready;
	uwire  en = t0_valid && t0_ready;
	always_ff @(posedge clk) begin
		if(!rst_n)  Valid <= 0;
		else if(t0_ready)  Valid <= t0_valid;
	end
	assign  s1_valid = Valid;
	assign  s1_data = got;
{instances}
endmodule : layer
"""
    return Source(top="layer", texts={"memories.sv": RTL, "layer.sv": text}, memories=contents)


def test_memories_of_every_kind_and_width_equal_their_rtl(tmp_path: Path) -> None:
    it = source()
    with Mapper("xc7", None, contents=True) as mapper:
        mapped = mapper.layer(it)
    found = netlist.composed([Part(it)], [mapped])
    used = {
        kind: {
            int(width)
            for cell in re.findall(rf"{kind} #\(.*?\)\s+\\?\S+\s+\(", found.text, re.DOTALL)
            for width in re.findall(r"\.(?:READ|WRITE)_WIDTH_[AB]\(32'[sd]*(\d+)\)", cell)
        }
        for kind in ("RAMB18E1", "RAMB36E1")
    }
    assert used["RAMB18E1"] >= {1, 2, 4, 9, 18, 36}
    assert used["RAMB36E1"] >= {1, 2, 4, 9, 18, 36, 72}
    compared = netlist.compare(it, found, {"s1_data": ANSWERS}, cache=tmp_path, scratch=tmp_path)
    assert compared.different == 0
    assert compared.transfers >= 2 * ANSWERS
    with Mapper("xc7", None) as lean:
        without = lean.layer(it)
    assert without.cells == mapped.cells
    assert ".INIT_00(" in mapped.netlist
    assert ".INIT_00(" not in without.netlist
