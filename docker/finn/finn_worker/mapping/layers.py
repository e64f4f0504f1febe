"""The layers of a compiled design as sources for the mapper."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import reduce
from operator import and_, or_
from pathlib import Path
from random import Random
from typing import Any

from finn_worker.mapping import patches
from finn_worker.mapping.mapped import Source
from finn_worker.mapping.rules import LUT_ROM_DEPTH, THRESHOLDS_IN_BLOCKS
from finn_worker.rtl import patches as verilator
from finn_worker.rtl.top import fifo_width, instance

TOP = "layer"
# The name of every node, so that layers that differ by nothing else are equal.
NODE = "node"
# Of DSP58, which no family here has.
_LEFT_OUT = {"mvu_vvu_8sx9_dsp58.sv"}
_PORTS = """\
\tinput	logic [{width}-1:0]  {data},
\tinput	logic  {valid},
\toutput	logic  {ready}"""


def layer(
    node: Mapping[str, Any], design: Mapping[str, Any], rtl: Path, *, contents: bool = False
) -> Source:
    """One node with its memory of weights, connected as in the design.

    Ports that the design ties low are tied low, those it leaves open are open. Nothing in the
    result tells equal layers apart: nodes and streams have the same names.

    Args:
        node: Its entry in `design.json`.
        design: All of `design.json`.
        rtl: The bundle's folder.
        contents: Whether memories in block RAM keep what is in them, on which no count depends;
            else they get what only their size decides, so that networks of one shape are equal.

    Raises:
        StageError: A source of FINN's is not the one that its patch was written for.
    """
    source = _source(node, design, rtl, patches.fit)
    texts, memories = dict(source.texts), source.memories
    if not contents:
        memories = {name: typical(text) for name, text in memories.items()}
    if node["weights"] is not None:
        narrow(_called(node).sub(NODE, node["weights"]["module"]), texts)
    return Source(top=TOP, texts=texts, memories=memories)


def original(node: Mapping[str, Any], design: Mapping[str, Any], rtl: Path) -> Source:
    """The same, with its memories' contents, as FINN has it: fit for Verilator only."""
    return _source(node, design, rtl, verilator.patch)


def _source(
    node: Mapping[str, Any],
    design: Mapping[str, Any],
    rtl: Path,
    fit: Callable[[str, str], str],
) -> Source:
    called = _called(node)
    texts = {}
    for source in node["sources"]:
        name = Path(source).name
        if name not in _LEFT_OUT:
            text = fit(name, (rtl / source).read_text(encoding="utf-8"))
            texts[called.sub(NODE, name)] = called.sub(NODE, text)
    memories = {
        called.sub(NODE, name): (rtl / "memories" / name).read_text(encoding="utf-8")
        for name in node["memories"]
    }
    renamed: dict[str, Any] = json.loads(called.sub(NODE, json.dumps(node)))
    texts[f"{TOP}.sv"] = _top(renamed, design["streams"])
    return Source(top=TOP, texts=texts, memories=memories)


def _called(node: Mapping[str, Any]) -> re.Pattern[str]:
    """A node's name wherever it stands by itself, or in front of more."""
    return re.compile(rf"(?<![A-Za-z0-9_]){re.escape(node['name'])}(?![0-9])")


def typical(text: str) -> str:
    """Words that only their number and width decide, for a memory that becomes block RAM.

    All bits of a word are the same, and so are all memories of one size, so that layers of one
    shape are equal.
    """
    words = text.split()
    values = [int(word, 16) for word in words]
    varying = reduce(or_, values) & ~reduce(and_, values)
    if len(words) <= LUT_ROM_DEPTH or len(words) * varying.bit_count() < THRESHOLDS_IN_BLOCKS:
        return text
    random = Random(len(words))
    return "".join(f"{varying * random.getrandbits(1):0{len(words[0])}x}\n" for _ in words)


def narrow(module: str, texts: dict[str, str]) -> None:
    """Give the memory of weights its true width: FINN pads it to bytes, and Yosys would keep it."""
    sizes = {
        name: int(value)
        for text in texts.values()
        for name, value in re.findall(r"parameter\s+(PE|SIMD|WEIGHT_WIDTH) = (\d+),", text)
    }
    width = sizes["PE"] * sizes["SIMD"] * sizes["WEIGHT_WIDTH"]
    wrapper = f"{module}.v"
    texts[wrapper] = re.sub(r"(parameter  WIDTH = )\d+", rf"\g<1>{width}", texts[wrapper])


def _top(node: dict[str, Any], streams: list[Mapping[str, Any]]) -> str:
    """A module of the node, with a port for each end of a stream."""
    ports = ["\tinput	logic  clk,\n\tinput	logic  rst_n"]
    number = 0
    for side, ends in (("t", "inputs"), ("s", "outputs")):
        for port, stream in node[ends].items():
            width = fifo_width(streams[stream])
            into, out = ("input", "output") if side == "t" else ("output", "input")
            ports.append(
                f"\t{into}	logic [{width}-1:0]  {side}{number}_data,\n"
                f"\t{into}	logic  {side}{number}_valid,\n"
                f"\t{out}	logic  {side}{number}_ready"
            )
            node[ends][port] = number
            number += 1
    listed = ",\n".join(ports)
    return f"module {TOP} (\n{listed}\n);\n{instance(0, node)}\nendmodule : {TOP}\n"


def fifo(width: int, depth: int, source: str) -> Source:
    """A FIFO of FINN's.

    Args:
        width: Bits of an item, whole bytes.
        depth: Items.
        source: FINN's fifo.sv.
    """
    return _fifo(width, depth, patches.fit("fifo.sv", source))


def original_fifo(width: int, depth: int, source: str) -> Source:
    """The same as FINN has it: fit for Verilator only."""
    return _fifo(width, depth, verilator.patch("fifo.sv", source))


def _fifo(width: int, depth: int, source: str) -> Source:
    text = f"""\
module {TOP} (
	input	logic  clk,
	input	logic  rst,
	input	logic [{width}-1:0]  idat,
	input	logic  ivld,
	output	logic  irdy,
	output	logic [{width}-1:0]  odat,
	output	logic  ovld,
	input	logic  ordy
);
	fifo #(.DEPTH({depth}), .DATA_WIDTH({width})) fifo (
		.clk, .rst, .idat, .ivld, .irdy, .odat, .ovld, .ordy, .count(), .maxcount()
	);
endmodule : {TOP}
"""
    return Source(top=TOP, texts={"fifo.sv": source, f"{TOP}.sv": text})
