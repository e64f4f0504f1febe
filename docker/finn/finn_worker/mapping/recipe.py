"""The passes of Yosys that map a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

Run = Callable[[str], None]
"""Runs one command of Yosys."""

# Depth up to which a memory that is only read becomes LUTs: one LUT6 holds 64 bits.
LUT_ROM_DEPTH = 64
# Under this name Yosys keeps the cell library.
LIBRARY = "library"
# FINN instantiates these; the front end needs their ports and parameters.
INSTANTIATED = ("DSP48E1", "DSP48E2", "LUT6_2")
_TECHMAPS = Path(__file__).resolve().parent / "techmaps"
_ROM = "t:$mem_v2 r:WR_PORTS=0 %i"
_IN_BLOCKS = "a:ram_style=block a:ram_style=ultra %u"


class UnknownFamilyError(ValueError):
    """A family of FPGAs that is not mapped to."""


FAMILIES = ("xc7", "xcup")
"""7-series and UltraScale+, as Yosys calls them."""


def load_library(run: Run) -> None:
    """Read the primitives of all families, and keep them under the name LIBRARY."""
    run("read_verilog -lib -specify +/xilinx/cells_sim.v")
    run("read_verilog -lib +/xilinx/cells_xtra.v")
    run(f"design -stash {LIBRARY}")


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


def synthesize(
    run: Run, *, family: str, top: str, files: Sequence[str], parameters: Sequence[str] = ()
) -> None:
    """Map `top`, flat and out of context: no buffers of pads and clocks.

    Args:
        run: Runs a command; the library is loaded.
        family: One of FAMILIES.
        top: The module.
        files: Names of its sources in the current folder, black boxes included.
        parameters: Those of `top`, as name=value.

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
    # The front end's black boxes give way to the library's models, which have timing.
    run("delete " + " ".join(f"={name}" for name in INSTANTIATED))
    run(f"design -copy-from {LIBRARY} =*")
    run(f"hierarchy -check -top {top}")
    run("flatten")
    stages = f"synth_xilinx -family {family} -top {top} -noiopad -noclkbuf -run "
    if family == "xcup":
        stages = stages.replace(" -noiopad", " -uram -noiopad")
    run(stages + "prepare:map_dsp")
    run(stages + "coarse:map_memory")
    # A table needs no LUT memory, which would take two LUTs for each: it is logic.
    deep = f"{_ROM} r:SIZE>{LUT_ROM_DEPTH} %i a:ram_style=distributed %d"
    run(f'setattr -set ram_style "block" {deep} {_IN_BLOCKS} %d')
    run(f'setattr -set ram_style "logic" {_ROM} {_IN_BLOCKS} %d')
    run(stages + "map_memory:fine")
    run(f"techmap -map {_TECHMAPS / 'bmux.v'}")
    run("opt -full")
    run(stages + "fine:map_cells")
    run(stages + "map_cells:check")
