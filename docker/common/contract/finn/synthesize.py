"""The `synthesize` stage: a bitstream, built by the user's own Vivado."""

from __future__ import annotations

from dataclasses import dataclass

from contract.finn.compile import Clock
from contract.stage import GIB, Cost, Scope, Stage

VIVADO_VERSIONS = ("2022.2", "2024.2")
"""What FINN+ 1.6.1 supports, by its metadata."""


@dataclass(frozen=True, kw_only=True)
class SynthesizeSpec:
    """The target of the bitstream."""

    board: str
    part: str
    clock_mhz: Clock


STAGE = Stage(
    name="synthesize",
    summary="build a bitstream with your own Vivado",
    environment="vivado",
    entry="finn_worker.synthesize:synthesize",
    spec=SynthesizeSpec,
    scope=Scope.DESIGN,
    table="build",
    needs=("compile", "simulate"),
    cost=Cost(seconds=1800, memory=6 * GIB, disk=30_000_000),
    files={"bitstreams": ("files/*",)},
    optional=True,
)
