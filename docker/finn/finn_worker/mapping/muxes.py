"""Multiplexers of words as multiplexers of bits: Yosys' xilinx_srl knows no other variable tap."""

from __future__ import annotations

from typing import Any


def words_to_bits(design: Any) -> None:
    """Replace each `$bmux` of the selected modules by a `$shiftx` for each of its bits.

    A techmap does the same in a hundred times the time: it makes a module of each shape first.

    Args:
        design: Yosys' libyosys.Design.
    """
    from pyosys.libyosys import IdString, SigSpec  # noqa: PLC0415

    for module in design.selected_modules():
        for cell in [cell for cell in module.selected_cells() if cell.type.str() == "$bmux"]:
            words, index, word = (cell.getPort(IdString(f"\\{port}")) for port in "ASY")
            bits, width = list(words), len(list(word))
            for bit in range(width):
                name = IdString(f"{cell.name.str()}_{bit}")
                module.addShiftx(name, SigSpec(bits[bit::width]), index, word.extract(bit, 1))
            module.remove(cell)
