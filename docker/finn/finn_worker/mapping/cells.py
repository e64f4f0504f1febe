"""What each primitive of Xilinx' FPGAs takes of the device.

Sources: AMD UG953 and UG974 (libraries guides of 7-series and UltraScale), UG474 (7-series CLB).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finn_worker.mapping.combining import MOST_INPUTS, pairs
from finn_worker.mapping.mapped import Resources

# LUTs that each memory of LUTs takes.
_LUT_MEMORIES = {
    "RAM16X1S": 1,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
    "RAM512X1S": 8,
    "RAM16X1D": 2,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM256X1D": 8,
    "RAM32X2S": 2,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "SRL16": 1,
    "SRL16E": 1,
    "SRLC16E": 1,
    "SRLC32E": 1,
}
# Everything else with one kind of resource.
_ONE_KIND: dict[str, dict[str, int]] = {
    "CARRY4": {"carry": 1},
    "CARRY8": {"carry": 1},
    "RAMB18E1": {"bram18": 1},
    "RAMB18E2": {"bram18": 1},
    "RAMB36E1": {"bram18": 2, "bram36": 1},
    "RAMB36E2": {"bram18": 2, "bram36": 1},
    "URAM288": {"uram": 1},
    "DSP48E1": {"dsp": 1},
    "DSP48E2": {"dsp": 1},
    # A LUT of two functions, as FINN instantiates it.
    "LUT6_2": {"lut": 1, "lut_raw": 1},
}
_FLIP_FLOP = re.compile(r"FD[RSCP]E(_1)?|LD[CP]E")
_LUT = re.compile(r"LUT[1-6]")
# Wires, and multiplexers that belong to the slice of their LUTs.
_FREE = {"MUXF7", "MUXF8", "MUXF9", "GND", "VCC", "BUFG"}


class UnknownCellError(ValueError):
    """A cell that nobody said the cost of."""


@dataclass(frozen=True)
class Cell:
    """A primitive.

    Attributes:
        kind: Its type.
        inputs: The nets at its inputs, where it is a LUT.
        in_chain: Whether it is a LUT that belongs to a carry chain.
        second_output: Whether it is the second output of another LUT, at the same position of a
            carry chain, and so takes none.
    """

    kind: str
    inputs: frozenset[int] = frozenset()
    in_chain: bool = False
    second_output: bool = False


def count(cells: Sequence[Cell], boxes: Sequence[str] = ()) -> tuple[Resources, dict[str, int]]:
    """What they take together, and their number by type.

    Args:
        cells: Of one flat module.
        boxes: Types that count nothing here, such as a part that is mapped apart.

    Raises:
        UnknownCellError: A type that is none of Xilinx' primitives.
    """
    numbers: dict[str, int] = {}
    for cell in cells:
        numbers[cell.kind] = numbers.get(cell.kind, 0) + 1
    luts = [cell for cell in cells if is_lut(cell.kind)]
    # The second output of a LUT in a carry chain is the chain's.
    shared = pairs([cell.inputs for cell in luts if not cell.in_chain])
    shared += sum(cell.second_output for cell in luts)
    logic = Resources(lut=len(luts) - shared, lut_raw=len(luts))
    others = sum(
        (_cost(kind) * number for kind, number in numbers.items() if kind not in boxes), Resources()
    )
    return logic + others, dict(sorted(numbers.items()))


def is_lut(kind: str) -> bool:
    """Whether it is one function of up to six inputs."""
    # Slices cannot invert the signals that go into them, but for clocks.
    return kind == "INV" or _LUT.fullmatch(kind) is not None


def _cost(kind: str) -> Resources:
    if kind in _FREE or is_lut(kind):
        return Resources()
    if kind in _LUT_MEMORIES:
        luts = _LUT_MEMORIES[kind]
        return Resources(lut=luts, lut_raw=luts, lutram=luts)
    if _FLIP_FLOP.fullmatch(kind):
        return Resources(ff=1)
    if kind in _ONE_KIND:
        return Resources(**_ONE_KIND[kind])
    raise UnknownCellError(kind)


def cells_of(module: Mapping[str, Any]) -> list[Cell]:
    """The cells of a module as Yosys' write_json has it."""
    cells = list(module["cells"].values())
    luts = {_output(cell): _inputs(cell) for cell in cells if is_lut(str(cell["type"]))}
    chains = [cell["connections"] for cell in cells if cell["type"] in {"CARRY4", "CARRY8"}]
    positions = [pair for ports in chains for pair in zip(ports["S"], ports["DI"], strict=True)]
    selects = {select for select, _ in positions}
    readers = Counter(bit for cell in cells for bit in _read(cell))
    data = {
        data
        for select, data in positions
        if readers[data] == 1 and _share(luts.get(select), luts.get(data))
    }
    return [
        Cell(
            kind,
            luts[_output(cell)],
            in_chain=_output(cell) in selects | data,
            second_output=_output(cell) in data,
        )
        if is_lut(kind := str(cell["type"]))
        else Cell(kind)
        for cell in cells
    ]


def _share(first: frozenset[int] | None, second: frozenset[int] | None) -> bool:
    """Whether both are functions that fit one LUT."""
    return first is not None and second is not None and len(first | second) <= MOST_INPUTS


def _output(cell: Mapping[str, Any]) -> object:
    """The net at a LUT's output."""
    return cell["connections"]["O"][0]


def _inputs(cell: Mapping[str, Any]) -> frozenset[int]:
    """The nets at a LUT's inputs."""
    return frozenset(bit for bit in _read(cell) if isinstance(bit, int))


def _read(cell: Mapping[str, Any]) -> Iterator[object]:
    """What is at a cell's inputs."""
    for port, bits in cell["connections"].items():
        if cell["port_directions"][port] == "input":
            yield from bits
