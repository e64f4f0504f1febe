"""Models of the primitives in a mapped netlist, for Verilator.

Yosys' library models all that it maps to but block RAMs, which it has ports and parameters of:
those get a model of ours, `docker/finn/rtl/cells/block_ram.sv`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

from stagekit import StageError

BLOCK_RAM = Path(__file__).resolve().parents[2] / "rtl" / "cells" / "block_ram.sv"
# Of a RAMB18E1 and a RAMB36E1: words of 64 bits, data pins of a port.
_BLOCK_RAMS = {"RAMB18E1": (256, 16), "RAMB36E1": (512, 32)}
_LINES = re.DOTALL | re.MULTILINE
# What the model of block RAM leaves out.
_REFUSED = (
    "DOA_REG || DOB_REG || IS_CLKARDCLK_INVERTED || IS_CLKBWRCLK_INVERTED || "
    "IS_ENARDEN_INVERTED || IS_ENBWREN_INVERTED || IS_RSTRAMARSTRAM_INVERTED || IS_RSTRAMB_INVERTED"
)
# Yosys' library mixes widths and kinds of assignments; it is not what is tested here.
_EXCUSED = ("WIDTHTRUNC", "WIDTHEXPAND", "COMBDLY", "PINMISSING", "MULTIDRIVEN", "LATCH")
EXCUSE = "".join(f"/* verilator lint_off {warning} */ " for warning in _EXCUSED)


def models(kinds: Collection[str]) -> dict[str, str]:
    """Verilog of these primitives of the 7 series, by file name.

    Raises:
        StageError: There is no model of one.
    """
    library = _library()
    missing = sorted(set(kinds) - library.keys())
    if missing:
        raise StageError(
            f"There is no model of {', '.join(missing)}, so that the netlist cannot be simulated.",
            "Leave `netlist` out; only netlists of 7-series parts can be simulated.",
        )
    texts = {
        "primitives.v": EXCUSE + "\n".join(_model(kind, library[kind]) for kind in sorted(kinds))
    }
    if _BLOCK_RAMS.keys() & set(kinds):
        texts[BLOCK_RAM.name] = BLOCK_RAM.read_text(encoding="utf-8")
    return texts


def _library() -> dict[str, str]:
    """The modules of Yosys' library for the 7 series, by name."""
    found = find_spec("pyosys")
    assert found is not None
    assert found.origin is not None
    text = (Path(found.origin).parent / "share" / "xilinx" / "cells_sim.v").read_text("utf-8")
    modules = re.finditer(r"^module (\w+) ?\(.*?^endmodule", text, _LINES)
    return {match[1]: match.group() for match in modules}


def _model(kind: str, text: str) -> str:
    text = re.sub(r"^\s*specify\b.*?^\s*endspecify\b", "", text, flags=_LINES)
    if kind in _BLOCK_RAMS:
        text = text.replace("endmodule", _block_ram(*_BLOCK_RAMS[kind]) + "endmodule")
    return text + "\n"


def _block_ram(words: int, port: int) -> str:
    """What goes into a RAMB18E1 or a RAMB36E1."""
    contents = {
        name: ", ".join(f"{name}_{i:02X}" for i in reversed(range(words * bits // 256)))
        for name, bits in (("INIT", 64), ("INITP", 8))
    }
    large = port == 32
    cascaded = 'RAM_EXTENSION_A != "NONE"' if large else "0"
    upper = 'RAM_EXTENSION_A == "UPPER"' if large else "0"
    addresses = (
        ("ADDRARDADDR", "ADDRBWRADDR") if large else ("{2'b0, ADDRARDADDR}", "{2'b0, ADDRBWRADDR}")
    )
    cascades = (
        ".cascade_in_a(CASCADEINA), .cascade_in_b(CASCADEINB), "
        ".cascade_out_a(CASCADEOUTA), .cascade_out_b(CASCADEOUTB)"
        if large
        else ".cascade_in_a(1'b0), .cascade_in_b(1'b0), .cascade_out_a(), .cascade_out_b()"
    )
    widths = "READ_WIDTH_A READ_WIDTH_B WRITE_WIDTH_A WRITE_WIDTH_B WRITE_MODE_A WRITE_MODE_B"
    given = "".join(
        f".{name}({name}), " for name in f"{widths} INIT_A INIT_B SRVAL_A SRVAL_B".split()
    )
    return f"""
    if({_REFUSED})  $error("block RAM: output registers and inverted pins are not modelled.");
    block_ram #(
        .WORDS({words}), .PORT({port}), .MODE(RAM_MODE), {given}
        .CASCADED({cascaded}), .UPPER({upper}),
        .INIT({{{contents["INIT"]}}}), .INITP({{{contents["INITP"]}}})
    ) ram (
        .clk(CLKARDCLK | CLKBWRCLK), .en_a(ENARDEN), .en_b(ENBWREN),
        .rst_a(RSTRAMARSTRAM), .rst_b(RSTRAMB), .addr_a({addresses[0]}), .addr_b({addresses[1]}),
        .di_a(DIADI), .di_b(DIBDI), .dip_a(DIPADIP), .dip_b(DIPBDIP), .we_a(WEA), .we_b(WEBWE),
        {cascades},
        .do_a(DOADO), .do_b(DOBDO), .dop_a(DOPADOP), .dop_b(DOPBDOP)
    );
"""
