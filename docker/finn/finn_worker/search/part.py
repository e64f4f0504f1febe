"""The FPGA that a search fills: what it has, and what the shell takes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finn.util.basic import get_dsp_block

from finn_worker import estimates

SHELL = {"lut": 7571, "ff": 10015, "bram18": 3, "dsp": 2}
"""What a published build takes outside its layers: shell and DMA."""
_FF_OF_LUT = 2


@dataclass(frozen=True, kw_only=True)
class Target:
    """A board's FPGA.

    Attributes:
        name: Of the part, as Vivado spells it.
        has: Of each resource.
        port: Bits of the weights' port of its DSP slices.
    """

    name: str
    has: Mapping[str, int]
    port: int


def target_of(board: str, part: str) -> Target:
    """The part of a board.

    Raises:
        StageError: The board is not known, or carries another part.
    """
    has = estimates.available(board, part)
    ports = estimates.DSP48_PORT
    return Target(name=part, has=complete(has), port=ports[get_dsp_block(part)])


def complete(has: Mapping[str, int]) -> dict[str, int]:
    """With flip-flops, of which 7-series and UltraScale+ have two for each LUT."""
    return {**has, "ff": _FF_OF_LUT * has["lut"]}
