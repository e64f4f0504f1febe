"""The passes of Yosys that map a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

Run = Callable[[str], None]
"""Runs one command of Yosys."""

# Depth up to which a memory that is only read becomes LUTs: one LUT6 holds 64 bits.
LUT_ROM_DEPTH = 64
_SELECTED = "selected.txt"
# Under this name Yosys keeps the cell library.
LIBRARY = "library"
# FINN instantiates these; the front end needs their ports and parameters.
INSTANTIATED = ("DSP48E1", "DSP48E2", "LUT6_2")
_ROM = "t:$mem_v2 r:WR_PORTS=0 %i"
_STYLES = ("auto", "block", "distributed", "ultra")
_IN_BLOCKS = "a:ram_style=block a:ram_style=ultra %u"


# What the passes map to, and what ABC takes wide multiplexers for.
_USED = (
    "LUT*",
    "$__ABC9_LUT*",
    "FD?E",
    "LD?E",
    "CARRY?",
    "MUXF?",
    "INV",
    "RAM*",
    "SRL*",
    "URAM288",
    "DSP48E?",
    "BUFG",
    "GND",
    "VCC",
)


class UnknownFamilyError(ValueError):
    """A family of FPGAs that is not mapped to."""


# A techmap, to be put beside the sources under this name.
BITS_FILE = "words_to_bits.v"
BITS = r"""
// A multiplexer of words as multiplexers of bits, the form in which Yosys' xilinx_srl knows the
// variable tap of a shift register.
(* techmap_celltype = "$bmux" *)
module words_to_bits #(
	parameter  WIDTH = 1,
	parameter  S_WIDTH = 1
)(
	input [(WIDTH << S_WIDTH)-1:0]  A,
	input [S_WIDTH-1:0]  S,
	output [WIDTH-1:0]  Y
);
	genvar  bit, word;
	generate for(bit = 0; bit < WIDTH; bit = bit+1) begin : genBits
		wire [(1 << S_WIDTH)-1:0]  taps;
		for(word = 0; word < (1 << S_WIDTH); word = word+1) begin : genWords
			assign taps[word] = A[word*WIDTH + bit];
		end
		\$shiftx #(
			.A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(1 << S_WIDTH), .B_WIDTH(S_WIDTH), .Y_WIDTH(1)
		) tap (.A(taps), .B(S), .Y(Y[bit]));
	end endgenerate
endmodule
"""

FAMILIES = ("xc7", "xcup")
"""7-series and UltraScale+, as Yosys calls them."""
# Yosys has measured delays of their cells.
_TIMED = ("xc7",)
_PARTS = {r"xc7": "xc7", r"xczu|xck26|xcvu\d+p|xcku\d+p|xcu\d": "xcup"}


def family_of(part: str) -> str | None:
    """The family of a part, as Vivado spells it; None of one that is not mapped to."""
    return next((family for pattern, family in _PARTS.items() if re.match(pattern, part)), None)


def logic_ps(log: str) -> int | None:
    """The longest path of a mapped module, in picoseconds, by the delays of its cells alone.

    Wires are left out, and so are paths through cells whose delays Yosys does not know, such as
    LUT6_2: it is a lower bound. None where the log has none.
    """
    found = re.findall(r"^Latest arrival time in '.*' is (\d+):", log, re.MULTILINE)
    return int(found[-1]) if found else None


def load_library(run: Run) -> None:
    """Read the primitives of all families, and keep those in use under the name LIBRARY.

    Yosys looks at every module in many passes, and there are a thousand.
    """
    run("read_verilog -lib -specify +/xilinx/cells_sim.v")
    run("read_verilog -lib +/xilinx/cells_xtra.v")
    run("select -set used " + " ".join(f"={pattern}" for pattern in _USED))
    run("delete =* @used %d")
    run(f"design -stash {LIBRARY}")


def _found(run: Run, selection: str) -> bool:
    """Whether anything is selected; Yosys takes a second to read how it maps memories."""
    run(f"select -write {_SELECTED} {selection}")
    return Path(_SELECTED).stat().st_size > 0


def black_boxes(library: Sequence[str]) -> str:
    """Verilog of the instantiated primitives with nothing inside, out of Yosys' own library.

    Args:
        library: Texts of cells_sim.v and cells_xtra.v.
    """
    boxes = []
    for name in INSTANTIATED:
        found = (re.search(rf"^module {name} ?\(.*?^endmodule", text, _LINES) for text in library)
        head, body = next(match.group() for match in found if match).split(");", 1)
        body = re.sub(r"^\s*specify\b.*?^\s*endspecify\b", "", body, flags=_LINES)
        declared = re.findall(r"^\s*(?:input|output|parameter)\b[^;]*;", body, re.MULTILINE)
        boxes.append("\n".join(["(* blackbox *)", f"{head});", *declared, "endmodule\n"]))
    return "\n".join(boxes)


_LINES = re.DOTALL | re.MULTILINE


def _bits(text: str) -> str:
    """A text as Verilog's bits."""
    return f"{8 * len(text)}'b" + "".join(f"{byte:08b}" for byte in text.encode())


def synthesize(
    run: Run,
    *,
    family: str,
    top: str,
    files: Sequence[str],
    parameters: Sequence[str] = (),
    uram: bool = False,
    whole: bool = True,
) -> None:
    """Map `top`, flat and out of context: no buffers of pads and clocks.

    Args:
        run: Runs a command; the library is loaded.
        family: One of FAMILIES.
        top: The module.
        files: Names of its sources in the current folder, black boxes included; BITS_FILE is there.
        parameters: Those of `top`, as name=value.
        uram: Whether there is UltraRAM; else what asks for it gets block RAM, as from Vivado.
        whole: Whether nothing of `top` is left out: only then are there paths to measure.

    Raises:
        UnknownFamilyError: None of FAMILIES.
    """
    if family not in FAMILIES:
        raise UnknownFamilyError(family)
    given = " ".join(f"-G {parameter}" for parameter in parameters)
    run(
        "read_slang --threads 1 --allow-use-before-declare --ignore-timing --ignore-assertions "
        f"--no-implicit-memories --top {top} {given} {' '.join(files)}"
    )
    for style in _STYLES:
        # The front end gives an attribute that is a parameter as bits, which no pass reads.
        run(f'setattr -set ram_style "{style}" a:ram_style={_bits(style)}')
    # The front end's black boxes give way to the library's models, which have timing.
    run("delete " + " ".join(f"={name}" for name in INSTANTIATED))
    run(f"design -copy-from {LIBRARY} =*")
    run(f"hierarchy -check -top {top}")
    run("flatten")
    stages = f"synth_xilinx -family {family} -top {top} -noiopad -noclkbuf -run "
    if uram:
        stages = stages.replace(" -noiopad", " -uram -noiopad")
    run(stages + "prepare:map_dsp")
    run(stages + "coarse:map_memory")
    if not uram:
        run('setattr -set ram_style "block" t:$mem_v2 a:ram_style=ultra %i')
    # A table needs no LUT memory, which would take two LUTs for each: it is logic.
    deep = f"{_ROM} r:SIZE>{LUT_ROM_DEPTH} %i a:ram_style=distributed %d"
    run(f'setattr -set ram_style "block" {deep} {_IN_BLOCKS} %d')
    run(f'setattr -set ram_style "logic" {_ROM} {_IN_BLOCKS} %d')
    if _found(run, "t:$mem_v2 a:ram_style=logic %d"):
        run(stages + "map_memory:map_ffram")
    run(stages + "map_ffram:fine")
    run(f"techmap -map {BITS_FILE}")
    run("opt -full")
    run(stages + "fine:map_cells")
    run(stages + "map_cells:check")
    if family in _TIMED and whole:
        run(f"sta {top}")
