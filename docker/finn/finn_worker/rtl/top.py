"""The module that joins an accelerator's nodes, with a FIFO on every stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MIN_DEPTH = 2
# Beyond it, FINN's FIFO becomes UltraRAM.
BLOCK_DEPTH = 2028
# Of the simulation: an image of 32x32 pixels and 64 channels, one at a time.
MAX_DEPTH = 65536

_HEADER = """\
// Generated: the accelerator's nodes, with a FIFO on every stream.
module top (
	input	logic  clk,
	input	logic  rst_n,

	input	logic [31:0]  depth[{streams}],	// of each FIFO; constant while rst_n is high
	// While `counting`, the cycles in which each FIFO turned its producer away, and those in which
	// it left its consumer waiting
	input	logic  counting,
	output	longint unsigned  blocked[{streams}],
	output	longint unsigned  starved[{streams}],

	input	logic [{in_bits}-1:0]  in_data,
	input	logic  in_valid,
	output	logic  in_ready,

	output	logic [{out_bits}-1:0]  out_data,
	output	logic  out_valid,
	input	logic  out_ready
);
"""

# One stream: `s<i>_*` is the producer's side, `t<i>_*` the consumer's.
_STREAM = """
	// {name}
	uwire [{width}-1:0]  s{i}_data;
	uwire  s{i}_valid, s{i}_ready;
	uwire [{width}-1:0]  t{i}_data;
	uwire  t{i}_valid, t{i}_ready;
"""
_ADJUSTABLE_FIFO = """\
	stream_fifo #(.WIDTH({width}), .MAX_DEPTH({max_depth})) fifo_{i} (
		.clk(clk), .rst(!rst_n), .depth(depth[{i}]),
		.idat(s{i}_data), .ivld(s{i}_valid), .irdy(s{i}_ready),
		.odat(t{i}_data), .ovld(t{i}_valid), .ordy(t{i}_ready)
	);
"""
_FINN_FIFO = """\
	fixed_fifo #(.WIDTH({width}), .DEPTH({depth})) fifo_{i} (
		.clk(clk), .rst(!rst_n),
		.idat(s{i}_data), .ivld(s{i}_valid), .irdy(s{i}_ready),
		.odat(t{i}_data), .ovld(t{i}_valid), .ordy(t{i}_ready)
	);
"""

# All in one block, which costs nothing as long as nobody counts.
_COUNTERS = """
	always_ff @(posedge clk) begin
		if(!rst_n) begin
			blocked = '{{default: 0}};
			starved = '{{default: 0}};
		end
		else if(counting) begin
{counters}
		end
	end
"""
_COUNTER = """\
			if(s{i}_valid && !s{i}_ready)  blocked[{i}] = blocked[{i}] + 1;
			if(t{i}_ready && !t{i}_valid)  starved[{i}] = starved[{i}] + 1;"""

_NODE = """
	{module} {name} (
		.ap_clk(clk), .ap_rst_n(rst_n){pins}
	);
"""
_WEIGHTS = """
	uwire [{padded}-1:0]  w{i}_data;
	uwire  w{i}_valid, w{i}_ready;
	{module} weights_{i} (
		.ap_clk(clk), .ap_clk2x(clk), .ap_rst_n(rst_n),
		.m_axis_0_tdata(w{i}_data), .m_axis_0_tvalid(w{i}_valid), .m_axis_0_tready(w{i}_ready){more}
	);
"""
_ENDS = """
	assign	s0_data = in_data;
	assign	s0_valid = in_valid;
	assign	in_ready = s0_ready;

	assign	out_data = t{last}_data;
	assign	out_valid = t{last}_valid;
	assign	t{last}_ready = out_ready;

endmodule : top
"""


def max_depth(stream: Mapping[str, Any]) -> int:
    """Largest depth of a stream's adjustable FIFO: two images where that is sensible."""
    return min(max(64, 2 * int(stream["beats"])), MAX_DEPTH)


def fifo_width(stream: Mapping[str, Any]) -> int:
    """Bits of each item in a stream's FIFO: whole bytes, as FINN's StreamingFIFO_rtl has it."""
    return (int(stream["width_bits"]) + 7) // 8 * 8


def top_module(design: Mapping[str, Any], depths: Sequence[int] | None = None) -> str:
    """SystemVerilog of the module `top`.

    Args:
        design: The bundle's `design.json`.
        depths: One per stream, for FINN's own FIFOs of these depths; None for FIFOs whose depths
            are set when the simulation starts.
    """
    streams = design["streams"]
    widths = [fifo_width(stream) for stream in streams]
    text = [_HEADER.format(streams=len(streams), in_bits=widths[0], out_bits=widths[-1])]
    for i, stream in enumerate(streams):
        values = {"i": i, "name": stream["name"], "width": widths[i]}
        text.append(_STREAM.format(**values))
        if depths is None:
            text.append(_ADJUSTABLE_FIFO.format(**values, max_depth=max_depth(stream)))
        else:
            text.append(_FINN_FIFO.format(**values, depth=depths[i]))
    text += [instance(i, node) for i, node in enumerate(design["nodes"])]
    counters = "\n".join(_COUNTER.format(i=i) for i in range(len(streams)))
    text.append(_COUNTERS.format(counters=counters))
    text.append(_ENDS.format(last=len(streams) - 1))
    return "".join(text)


def instance(i: int, node: Mapping[str, Any]) -> str:
    """Text that instantiates node `i` with its memory of weights, between wires of its streams.

    A stream that it reads is `t<stream>_*`, one that it feeds `s<stream>_*`.
    """
    weights = node["weights"]
    pins = "".join(
        f",\n\t\t.{port}_TDATA({end}{stream}_data), .{port}_TVALID({end}{stream}_valid), "
        f".{port}_TREADY({end}{stream}_ready)"
        for end, streams in (("t", node["inputs"]), ("s", node["outputs"]))
        for port, stream in streams.items()
    )
    pins += _unconnected(node)
    text = ""
    if weights is not None:
        text += _WEIGHTS.format(
            i=i,
            module=weights["module"],
            padded=weights["width_bits"],
            more=_unconnected(weights),
        )
        pins += (
            f",\n\t\t.ap_clk2x(clk), .in1_V_TDATA(w{i}_data), .in1_V_TVALID(w{i}_valid), "
            f".in1_V_TREADY(w{i}_ready)"
        )
    return text + _NODE.format(module=node["top_module"], name=f"node_{i}", pins=pins)


def _unconnected(instance: Mapping[str, Any]) -> str:
    """Every port is named, so that one that is missing is an error."""
    connections = [f".{port}('0)" for port in instance["tied_low"]]
    connections += [f".{port}()" for port in instance["left_open"]]
    return "".join(f",\n\t\t{connection}" for connection in connections)


def design_source(design: Mapping[str, Any]) -> str:
    """C++ that tells the testbench names and shapes, as the content of `design.cpp`."""
    streams = design["streams"]
    names = ", ".join(f'"{stream["name"]}"' for stream in streams)
    depths = ", ".join(str(max_depth(stream)) for stream in streams)
    meters = "".join(
        f"\n    {{&top.top__DOT__fifo_{i}__DOT__Fill, &top.top__DOT__fifo_{i}__DOT__Peak}},"
        for i in range(len(streams))
    )
    return f"""\
// Generated: names and shapes of the accelerator.
#include "Vtop.h"
#include "Vtop___024root.h"
#include "model.h"
namespace {{
const char* const kNames[] = {{{names}}};
const uint32_t kMaxDepths[] = {{{depths}}};
}}  // namespace
const Design kDesign{{{_port(design["input"])}, {_port(design["output"])}, {len(streams)}, kNames,
                     kMaxDepths}};
std::vector<Meter> meters_of(const Vtop& model) {{
    const Vtop___024root& top = *model.rootp;
    return {{{meters}
    }};
}}
"""


def _port(port: Mapping[str, Any]) -> str:
    keys = ("bits", "elements", "elements_per_beat", "beats", "bytes_per_beat", "signed")
    return "{" + ", ".join(str(int(port[key])) for key in keys).replace("'", "") + "}"
