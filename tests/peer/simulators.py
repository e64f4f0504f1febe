"""Builds of a module of FINN+'s: of FINN+'s own sources, and with our stand-ins in their place.

Both are made by the worker's own functions (`simulator_build`), with its patches and settings.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from finn_worker.rtl.top import max_depth
from finn_worker.simulator_build import OWN_RTL, STANDINS, Sources, build, gather, hardware
from module import Build
from mutants import Mutant

HERE = Path(__file__).resolve().parent
FINNS = "FINN+'s own modules"
OURS = "the stand-ins"
BOTH = "FINN+'s own modules, for which there are no stand-ins"
# Of FINN's simulation helpers: never part of the hardware.
LEFT_OUT = ("fifo_gauge.sv",)
# Of the FIFOs between nodes, in turns: the smallest, and one that is block RAM in FINN+.
FIFO_DEPTHS = (2, 300)
# The same for every module, so compiled once for all.
DRIVER = ("driver.h", "driver.cpp")
# What the stand-ins call; compiled with each module, as a mutant may be in it.
CORE_HEADER, CORE = "mvu_core.h", "mvu_core.cpp"
PORT = re.compile(
    r"^\s*(input|output)\s+(?:(?:logic|wire)\s+)?(?:\[[^;]*?\]\s*)?(\w+)\s*(?:,|$)", re.MULTILINE
)
AROUND = """\
module top (
	input  ap_clk,
	input  ap_rst_n,

	input [{in_bits}-1:0]  s_axis_0_tdata,
	input  s_axis_0_tvalid,
	output  s_axis_0_tready,

	output [{out_bits}-1:0]  m_axis_0_tdata,
	output  m_axis_0_tvalid,
	input  m_axis_0_tready
);
	logic [31:0]  depth[{streams}];
	assign	depth = '{{{depths}}};
	chain chain (
		.clk(ap_clk), .rst_n(ap_rst_n), .depth(depth), .counting(1'b0), .blocked(), .starved(),
		.in_data(s_axis_0_tdata), .in_valid(s_axis_0_tvalid), .in_ready(s_axis_0_tready),
		.out_data(m_axis_0_tdata), .out_valid(m_axis_0_tvalid), .out_ready(m_axis_0_tready)
	);
endmodule
"""


class Simulators:
    """Makes builds, kept in `cache` for modules of the same sources.

    Args:
        cache: A folder that several processes may use at a time.
        mutant: A change of the stand-ins that ought to be found.
    """

    def __init__(self, cache: Path, mutant: Mutant | None = None) -> None:
        self._cache = cache
        self._mutant = mutant

    def of_node(self, name: str, files: Sequence[Path]) -> dict[str, Build]:
        """Builds of a single node, whose top module is called `name`."""
        files = [file for file in files if file.name not in LEFT_OUT]
        top = next(file for file in files if re.search(rf"\bmodule {name}\b", file.read_text()))
        finns = hardware(files, exact=True, adjustable_fifos=False)
        unused = {*STANDINS, "stream_fifo.sv"} - {file.name for file in files}
        ours = {file: text for file, text in hardware(files).items() if file not in unused}
        variants = {BOTH: finns} if ours == finns else {FINNS: finns, OURS: ours}
        builds = {}
        for variant, rtl in variants.items():
            found = {file: _without_folders(text, files) for file, text in rtl.items()}
            text = re.sub(rf"\bmodule {name}\b", "module top", found.pop(top.name))
            builds[variant] = self._build(variant, found, text, top.parent)
        return builds

    def of_bundle(self, bundle: Path) -> dict[str, Build]:
        """Builds of an accelerator as the worker writes it: nodes, and FIFOs between them."""
        design = json.loads((bundle / "design.json").read_text(encoding="utf-8"))
        depths = _depths(design)
        variants = {FINNS: gather(bundle, depths, exact=True), OURS: gather(bundle)}
        builds = {}
        for variant, sources in variants.items():
            rtl = dict(sources.rtl)
            inner = rtl.pop("top.sv")
            rtl["chain.sv"] = re.sub(r"\b(module|endmodule :) top\b", r"\1 chain", inner)
            memories = bundle / "rtl" / "memories"
            builds[variant] = self._build(variant, rtl, _around(design), memories)
        return builds

    def _build(self, variant: str, rtl: Mapping[str, str], top: str, folder: Path) -> Build:
        library = {name: (HERE / name).read_text(encoding="utf-8") for name in DRIVER}
        library |= {CORE_HEADER: (OWN_RTL / CORE_HEADER).read_text(encoding="utf-8")}
        cpp = {CORE: (OWN_RTL / CORE).read_text(encoding="utf-8")}
        cpp["ports.cpp"] = _port_table(top)
        sources = Sources({**rtl, "top.sv": top}, cpp, library, "-O0")
        if self._mutant is not None and variant == OURS:
            sources = self._mutant.applied(sources)
        with tempfile.TemporaryDirectory(prefix="peer-") as scratch:
            return Build(build(sources, self._cache, Path(scratch), processes=1), folder)


def _without_folders(text: str, files: Sequence[Path]) -> str:
    """Memory files by their names alone: the simulation runs where they lie."""
    for folder in {file.parent for file in files}:
        text = text.replace(f'"{folder}/', '"./')
    return text


def _around(design: Mapping[str, Any]) -> str:
    """The accelerator with the ports that FINN+ gives to a stitched design."""
    in_bits, out_bits = (8 * int(design[port]["bytes_per_beat"]) for port in ("input", "output"))
    depths = _depths(design)
    listed = ", ".join(map(str, depths))
    return AROUND.format(in_bits=in_bits, out_bits=out_bits, streams=len(depths), depths=listed)


def _depths(design: Mapping[str, Any]) -> list[int]:
    """In turns, but no deeper than an adjustable FIFO on that stream can be."""
    pairs = zip(design["streams"], cycle(FIFO_DEPTHS), strict=False)
    return [min(depth, max_depth(stream)) for stream, depth in pairs]


def _port_table(top: str) -> str:
    """C++ that tells the driver what ports the module `top` has."""
    text = re.sub(r"//.*|\(\*.*?\*\)", "", top)
    lines = [
        f'{{"{name}", {int(direction == "input")} != 0, &top.{name}, sizeof top.{name}}},'
        for direction, name in PORT.findall(text)
    ]
    return "\n".join([
        '#include "Vtop.h"',
        '#include "driver.h"',
        '#include "verilated.h"',
        "namespace {",
        "VerilatedContext context;",
        "Vtop top{&context};",
        "}  // namespace",
        "std::vector<Port> ports() {",
        "    return {",
        *lines,
        "    };",
        "}",
        "void eval() { top.eval(); }",
        "",
    ])  # fmt: skip
