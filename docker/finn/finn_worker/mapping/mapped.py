"""What the mapper is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True, kw_only=True)
class Source:
    """A module to map, with all that it is made of.

    Attributes:
        top: The module.
        texts: Text of each SystemVerilog file by its name, packages first.
        memories: Content of each file that the texts read with $readmemh, by its name.
        parameters: Values that replace those of `top`.
    """

    top: str
    texts: Mapping[str, str]
    memories: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Primitives of an FPGA.

    Attributes:
        lut: LUTs as Vivado counts them: two small functions that fit one LUT6 count once; shift
            registers and LUT memory included.
        lut_raw: The same, each function counted.
        lutram: Those of `lut` that are shift registers or memory.
        ff: Flip-flops and latches.
        carry: Carry chains of 4 bits each, as Yosys makes them for UltraScale+, too.
        bram18: Block RAMs of 18 kbit; one of 36 kbit counts twice.
        bram36: Block RAMs of 36 kbit among them.
        uram: UltraRAMs.
        dsp: DSP slices.
    """

    lut: int = 0
    lut_raw: int = 0
    lutram: int = 0
    ff: int = 0
    carry: int = 0
    bram18: int = 0
    bram36: int = 0
    uram: int = 0
    dsp: int = 0

    def __add__(self, other: Resources) -> Resources:
        """The sum, kind by kind."""
        return Resources(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        )

    def __mul__(self, times: int) -> Resources:
        """So many of them."""
        return Resources(**{name: times * count for name, count in self.as_json().items()})

    def as_json(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


def total(parts: Iterable[Resources]) -> Resources:
    """The sum of all."""
    return sum(parts, Resources())


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A module, mapped.

    Attributes:
        resources: What it takes.
        cells: Number of primitives by type.
        netlist: Verilog of the primitives.
        log: What Yosys said.
        logic_ps: A lower bound of the longest path, in picoseconds: see `recipe.logic_ps`.
    """

    resources: Resources
    cells: Mapping[str, int]
    netlist: str
    log: str
    logic_ps: int | None = None
