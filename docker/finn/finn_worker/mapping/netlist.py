"""Mapped netlists, simulated beside the RTL that they were made of.

Both get the same random inputs and the same pauses, of which there are none, few or many in turn.
In every cycle, handshakes have to be equal, and data wherever they are valid: then the netlist can
take the place of the module in any design.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finn_worker import simulator_build
from finn_worker.mapping.cores import BOX, Part
from finn_worker.mapping.layers import TOP
from finn_worker.mapping.mapped import Mapped, Source
from finn_worker.mapping.primitives import EXCUSE, models
from finn_worker.simulator_build import OWN_RTL, Sources
from stagekit import StageError

MAIN = "netlist_pair.cpp"
PREFIX = "netlist_"
# Cycles beyond which optimised code is worth the time that a compiler takes for it.
_BRIEF = 300_000
_PORT = re.compile(r"^\s*(input|output)\s+logic\s+(?:\[(\d+)-1:0\]\s+)?(\w+),?$", re.MULTILINE)


@dataclass(frozen=True)
class Netlist:
    """A module of primitives.

    Attributes:
        text: Verilog; its top is called as that of the RTL, with PREFIX.
        kinds: Types of its primitives.
    """

    text: str
    kinds: frozenset[str]


@dataclass(frozen=True)
class Compared:
    """What came of a simulation.

    Attributes:
        cycles: Simulated.
        transfers: On all streams together.
        different: Cycles in which the netlist differed.
        first: The first of them; None where there was none.
    """

    cycles: int
    transfers: int
    different: int
    first: int | None


@dataclass(frozen=True)
class Stream:
    """Of a module to be compared: names of its signals.

    Attributes:
        width: Of the data, in bits.
    """

    data: str
    valid: str
    ready: str
    width: int


@dataclass(frozen=True)
class Ports:
    """Of a module to be compared, besides its clock `clk`.

    Attributes:
        reset: Such as "rst"; one that is low in a reset ends in "_n".
    """

    inputs: tuple[Stream, ...]
    outputs: tuple[Stream, ...]
    reset: str

    @classmethod
    def of(cls, source: Source) -> Ports:
        """Those of the top of a source that `layers` wrote."""
        text = source.texts[f"{source.top}.sv"].partition(");\n")[0]
        found = {name: (way, int(width or 1)) for way, width, name in _PORT.findall(text)}
        streams: dict[str, list[Stream]] = {"input": [], "output": []}
        for name, (way, width) in found.items():
            for data, valid, ready in (("_data", "_valid", "_ready"), ("dat", "vld", "rdy")):
                if name.endswith(data):
                    stem = name.removesuffix(data)
                    streams[way].append(Stream(name, stem + valid, stem + ready, width))
        reset = next(name for name in found if name.startswith("rst"))
        return cls(tuple(streams["input"]), tuple(streams["output"]), reset)


def composed(parts: Sequence[Part], mapped: Sequence[Mapped]) -> Netlist:
    """The netlist of a layer, of those of its parts: the last ones are groups of lanes in a box."""
    names = [f"{PREFIX}{TOP}", *(f"{PREFIX}group_{i}" for i in range(1, len(parts)))]
    texts = [
        re.sub(rf"^module {TOP}\b", f"module {name}", one.netlist, flags=re.MULTILINE)
        for name, one in zip(names, mapped, strict=True)
    ]
    kinds = frozenset(kind for one in mapped for kind in one.cells) - {BOX}
    if len(parts) > 1:
        texts.append(_box(names[1:], parts[1:]))
    return Netlist("\n".join(texts), kinds)


def _box(names: Sequence[str], parts: Sequence[Part]) -> str:
    """The module that all groups are in: each takes its weights and gives its sums."""
    groups = [
        (name, part) for name, part in zip(names, parts, strict=True) for _ in range(part.times)
    ]
    sizes = [_group_sizes(part.source) for _, part in groups]
    weights, sums = (sum(size[name] for size in sizes) for name in ("w", "p"))
    text = _BOX.format(box=BOX, w=weights, a=sizes[0]["a"], p=sums)
    w = p = 0
    for i, ((name, _), size) in enumerate(zip(groups, sizes, strict=True)):
        text += _GROUP.format(
            name=name,
            i=i,
            w=w,
            w_size=size["w"],
            p=p,
            p_size=size["p"],
            vld=".vld" if not i else ".vld()",
        )
        w, p = w + size["w"], p + size["p"]
    return text + f"endmodule : {BOX}\n"


def _group_sizes(source: Source) -> dict[str, int]:
    """Bits of the weights, inputs and sums of a group of lanes."""
    text = source.texts[f"{source.top}.sv"].partition(");\n")[0]
    return {
        name: math.prod(int(left) + 1 for left in re.findall(r"\[(\d+):0\]", dimensions))
        for dimensions, name in re.findall(r"logic (?:signed )?((?:\[\d+:0\])+)\s+(\w+)", text)
    }


_BOX = """\
module {box} (
	input	logic  clk, rst, en, last, zero,
	input	logic [{w}-1:0]  w,
	input	logic [{a}-1:0]  a,
	output	logic  vld,
	output	logic [{p}-1:0]  p
);
"""
_GROUP = """\
	{name} group_{i} (
		.clk, .rst, .last, .zero, .w(w[{w} +: {w_size}]), .a(a), {vld}, .p(p[{p} +: {p_size}])
	);
"""


def compare(
    rtl: Source,
    netlist: Netlist,
    beats: Mapping[str, int],
    *,
    cache: Path,
    scratch: Path,
    silent: int = 100_000,
    processes: int = 1,
) -> Compared:
    """Simulate a module's RTL beside its netlist.

    Args:
        rtl: The module as FINN has it, fit for Verilator, with streams for ports.
        netlist: Of the same module.
        beats: How many words each of its outputs shall give, by the name of its data.
        cache: Keeps simulators.
        scratch: For temporary files; exists.
        silent: Cycles in which nothing may move.
        processes: Calls of the compiler at a time.

    Raises:
        StageError: Neither of the two gives as many outputs as it should, or a primitive has no
            model.
    """
    module = Ports.of(rtl)
    sources = Sources(
        rtl={
            **rtl.texts,
            **models(netlist.kinds),
            "netlist.v": EXCUSE + netlist.text,
            "pair.sv": _pair(rtl.top, module, beats),
        },
        cpp={MAIN: (OWN_RTL / MAIN).read_text(encoding="utf-8")},
        library={},
        optimisation="-O0" if max(beats.values()) < _BRIEF else "-O1",
    )
    program = simulator_build.build(sources, cache, scratch, processes)
    for name, content in rtl.memories.items():
        (scratch / name).write_text(content, encoding="utf-8")
    command = [str(program), str(silent)]
    printed = subprocess.run(
        command, cwd=scratch, capture_output=True, text=True, check=True
    ).stdout.split()
    cycles, transfers, different, first, done = map(int, printed)
    if not done and not different:
        raise StageError(
            f"{rtl.top} stalled beside its netlist after {transfers} transfers.",
            "Report this with the design.",
        )
    return Compared(cycles, transfers, different, None if first < 0 else first)


_HEADER = """\
module top(
	input	logic  clk,
	input	logic  rst,
	output	logic [31:0]  transfers,
	output	logic [31:0]  different,	// cycles
	output	logic  done
);
	// From always to rarely, and never for a while
	function automatic logic [7:0] rate();
		case(3'($urandom))
		0: return  0;
		1, 2, 3: return  255;
		default: return  8'($urandom);
		endcase
	endfunction : rate
"""
_INPUT = """
	logic [{width}-1:0]  {data};
	logic  {valid};
	logic [7:0]  {valid}_rate;
	uwire  {ready}, {ready}_netlist;
	always_ff @(posedge clk) begin
		if(6'($urandom) == 0)  {valid}_rate <= rate();
		if(rst)  {valid} <= 0;
		else if(!{valid} || {ready}) begin
			{valid} <= 8'($urandom) < {valid}_rate;
			{data} <= {width}'({{ {random} }});
		end
	end
"""
_OUTPUT = """
	uwire [{width}-1:0]  {data}, {data}_netlist;
	uwire  {valid}, {valid}_netlist;
	logic  {ready};
	logic [7:0]  {ready}_rate;
	logic [31:0]  {data}_count;
	always_ff @(posedge clk) begin
		if(6'($urandom) == 0)  {ready}_rate <= rate();
		{ready} <= 8'($urandom) < {ready}_rate;
		if(rst)  {data}_count <= 0;
		else if({valid} && {ready})  {data}_count <= {data}_count + 1;
	end
"""
_INSTANCE = """
	{module} {name} (.clk, .{reset}({negated}rst){pins});
"""
_FOOTER = """
	uwire  differs = {differs};
	always_ff @(posedge clk) begin
		if(rst) begin
			transfers <= 0;
			different <= 0;
			done <= 0;
		end
		else begin
			transfers <= transfers + {moved};
			if(differs)  different <= different + 1;
			done <= {done};
		end
	end

endmodule : top
"""


def _pair(module: str, its: Ports, beats: Mapping[str, int]) -> str:
    """The test bench of a module and its netlist."""
    text = _HEADER
    for stream in its.inputs:
        random = ", ".join(["$urandom"] * ((stream.width + 31) // 32))
        text += _INPUT.format(**vars(stream), random=random)
    text += "".join(_OUTPUT.format(**vars(stream)) for stream in its.outputs)
    negated = "!" if its.reset.endswith("_n") else ""
    for name, given in (("rtl", ""), ("netlist", "_netlist")):
        pins = [(s.data, s.data) for s in its.inputs] + [(s.valid, s.valid) for s in its.inputs]
        pins += [(s.ready, s.ready + given) for s in its.inputs]
        pins += [(s.ready, s.ready) for s in its.outputs]
        pins += [(pin, pin + given) for s in its.outputs for pin in (s.data, s.valid)]
        text += _INSTANCE.format(
            module=PREFIX + module if given else module,
            name=name,
            reset=its.reset,
            negated=negated,
            pins="".join(f", .{pin}({net})" for pin, net in pins),
        )
    differs = [f"({s.ready} != {s.ready}_netlist)" for s in its.inputs]
    for s in its.outputs:
        differs.append(f"({s.valid} != {s.valid}_netlist)")
        differs.append(f"({s.valid} && ({s.data} != {s.data}_netlist))")
    moved = [f"32'({s.valid} && {s.ready})" for s in (*its.inputs, *its.outputs)]
    return text + _FOOTER.format(
        differs=" || ".join(differs),
        moved=" + ".join(moved),
        done=" && ".join(f"({s.data}_count >= {beats[s.data]})" for s in its.outputs),
    )
