"""The passes of Yosys that map a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from finn_worker.mapping.muxes import words_to_bits
from finn_worker.mapping.rules import LUT_ROM_DEPTH, THRESHOLDS_IN_BLOCKS

Run = Callable[[str], None]
"""Runs one command of Yosys."""

_SELECTED = "selected.txt"
# Under this name Yosys keeps the cell library.
LIBRARY = "library"
# FINN instantiates these; the front end needs their ports and parameters.
INSTANTIATED = ("DSP48E1", "DSP48E2", "LUT6_2")
_ROM = "t:$mem_v2 r:WR_PORTS=0 %i"
# Block RAM has a clock; what is read without one are LUTs.
_CLOCKED = f"{_ROM} r:RD_CLK_ENABLE>0 %i"
_STYLES = ("auto", "block", "distributed", "ultra")
_IN_BLOCKS = "a:ram_style=block a:ram_style=ultra %u"
# Bits of a threshold; there are none as wide.
_WIDE = 64
_OF_THRESHOLDS = "c:*Threshs*"


# What the passes map to, and what ABC takes wide multiplexers for.
_USED = (
    "LUT*",
    "$__ABC9_LUT*",
    "FD?E",
    "LD?E",
    "CARRY?",
    "MUXF?",
    "INV",
    "SRL16E",
    "SRLC32E",
    "RAM32M*",
    "RAM64M*",
    "RAM*X1?",
    "RAM32X16DR8",
    "RAM64X8SW",
    "RAMB18E?",
    "RAMB36E?",
    "URAM288",
    "DSP48E?",
    "BUFG",
    "GND",
    "VCC",
)
_MEMORIES = "=RAM* =URAM*"
_DSPS = "DSP48E?"


class UnknownFamilyError(ValueError):
    """A family of FPGAs that is not mapped to."""


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


def _commands(design: Any) -> Run:
    """What runs a command on the design, and notes it in the log."""
    from pyosys import libyosys  # noqa: PLC0415

    return lambda command: libyosys.run_pass(command, design)


def load_library(design: Any) -> None:
    """Read the primitives of all families, and keep those in use under the name LIBRARY.

    Yosys looks at every module in many passes, and there are a thousand; those that a design has
    no use for are deleted later, too.
    """
    run = _commands(design)
    run("read_verilog -lib -specify +/xilinx/cells_sim.v")
    run("read_verilog -lib +/xilinx/cells_xtra.v")
    run("select -set used " + " ".join(f"={pattern}" for pattern in _USED))
    run("delete =* @used %d")
    run(f"design -stash {LIBRARY}")


def _found(run: Run, selection: str) -> bool:
    """Whether anything is selected; Yosys takes a second to read how it maps memories."""
    run(f"select -write {_SELECTED} {selection}")
    return Path(_SELECTED).stat().st_size > 0


def _large_thresholds() -> str:
    """A selection of the tables of thresholds that are large enough for block RAM."""
    large = f"r:WIDTH>{_WIDE} r:SIZE>={-(-THRESHOLDS_IN_BLOCKS // _WIDE)} %i"
    for width in range(1, _WIDE + 1):
        large += f" r:WIDTH={width} r:SIZE>={-(-THRESHOLDS_IN_BLOCKS // width)} %i %u"
    return f"{_CLOCKED} {_OF_THRESHOLDS} %i {large} %i a:ram_style=distributed %d"


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
    design: Any,
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
        design: Yosys' libyosys.Design, with the library loaded.
        family: One of FAMILIES.
        top: The module.
        files: Names of its sources in the current folder, black boxes included.
        parameters: Those of `top`, as name=value.
        uram: Whether there is UltraRAM; else what asks for it gets block RAM, as from Vivado.
        whole: Whether nothing of `top` is left out: only then are there paths to measure.

    Raises:
        UnknownFamilyError: None of FAMILIES.
    """
    if family not in FAMILIES:
        raise UnknownFamilyError(family)
    run = _commands(design)
    stages = f"synth_xilinx -family {family} -top {top} -noiopad -noclkbuf -run "
    if uram:
        stages = stages.replace(" -noiopad", " -uram -noiopad")
    _read(run, top, files, parameters)
    run(stages + "prepare:map_dsp")
    run("techmap -map +/cmp2lut.v -D LUT_WIDTH=6")
    # Two bits at each position of a carry chain, where both functions of them share a LUT.
    run("techmap -map +/cmp2lcu.v -D LUT_WIDTH=4")
    run(stages + "coarse:map_memory")
    _place_memories(run, uram=uram)
    if _found(run, "t:$mem_v2 a:ram_style=logic %d"):
        run(stages + "map_memory:map_ffram")
    else:
        run(f"delete {_MEMORIES}")
    run(stages + "map_ffram:fine")
    words_to_bits(design)
    run(stages + "fine:map_cells")
    run(stages + "map_cells:check")
    if family in _TIMED and whole:
        run(f"sta {top}")


def _read(run: Run, top: str, files: Sequence[str], parameters: Sequence[str]) -> None:
    """Read the sources: one flat module, with the library's primitives in it."""
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
    if not _found(run, f"t:{_DSPS}"):
        run(f"delete ={_DSPS}")
    run("proc")
    # FINN resets data to an unknown value, which leaves both tools free.
    run("opt_expr -mux_undef")
    run("opt_clean")


def _place_memories(run: Run, *, uram: bool) -> None:
    """Say of each memory that is only read, by its `ram_style`, what it becomes."""
    if not uram:
        run('setattr -set ram_style "block" t:$mem_v2 a:ram_style=ultra %i')
    # A table needs no LUT memory, which would take two LUTs for each: it is logic.
    deep = f"{_CLOCKED} {_OF_THRESHOLDS} %d r:SIZE>{LUT_ROM_DEPTH} %i a:ram_style=distributed %d"
    for large in (deep, _large_thresholds()):
        run(f'setattr -set ram_style "block" {large} {_IN_BLOCKS} %d')
    run(f'setattr -set ram_style "logic" {_ROM} {_IN_BLOCKS} %d')
