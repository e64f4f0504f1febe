"""The FPGA that a search fills: what it has, and what the shell takes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from finn.util.basic import get_dsp_block

from contract.finn.parts import with_flip_flops
from finn_worker import estimates
from finn_worker.mapping.reserve import RESERVE
from finn_worker.search.problem import RESOURCES

SHELL = {name: count for name, count in RESERVE.as_json().items() if name in RESOURCES}
"""What it takes."""


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
    return Target(name=part, has=with_flip_flops(has), port=ports[get_dsp_block(part)])
