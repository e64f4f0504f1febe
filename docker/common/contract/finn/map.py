"""The `map` stage: what the generated RTL takes of the FPGA, by open synthesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from contract.fields import Key, Range
from contract.finn import work
from contract.stage import GIB, Cost, Scope, Specs, Stage

# Of mapping one layer, in bytes; it maps as many at a time as it has processors.
LAYER = GIB // 2
BYTES_OF_STREAM = 75_000


@dataclass(frozen=True, kw_only=True)
class MapSpec:
    """What to do with what is mapped."""

    netlist: Annotated[
        int, Range(ge=0), Key("Images' worth of random data that the netlists are simulated with.")
    ] = 0


def _mapped(spec: Mapping[str, Any], specs: Specs) -> float:
    """Streams: each has a FIFO, and a layer behind it that grows with its bits.

    Simulating one takes ten times as long.
    """
    logic = work.streams(specs) * (1 + work.bits(specs) / 5)
    return logic * (10 if spec["netlist"] else 1)


def _disk(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """Netlists and reports of every layer and FIFO."""
    return BYTES_OF_STREAM * work.streams(specs)


STAGE = Stage(
    name="map",
    summary="open synthesis of every layer: LUTs, flip-flops, block RAMs and DSPs",
    environment="finn",
    entry="finn_worker.mapping.stage:map_design",
    spec=MapSpec,
    scope=Scope.DESIGN,
    needs=("compile", "size"),
    cost=Cost(seconds=3, per_unit=2.0, memory=LAYER, disk=100_000),
    amount=_mapped,
    disk=_disk,
    files={"netlists": ("files/mapped/*",)},
    optional=True,
)
