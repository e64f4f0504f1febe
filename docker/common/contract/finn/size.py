"""The `size` stage: the smallest FIFOs that keep the interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.finn import work
from contract.finn.cycles import cycles_per_image
from contract.stage import GIB, Cost, Scope, Specs, Stage

# Simulations of a search, two at a time; cycles and images of each.
RUNS = 30
LEAST_CYCLES, IMAGES = 30_000, 10
# What building two simulators takes, for each stream, as cycles of a search.
BUILD_CYCLES = 300_000


@dataclass(frozen=True, kw_only=True)
class SizeSpec:
    """Nothing to choose."""


def _searched(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    cycles = max(LEAST_CYCLES, IMAGES * cycles_per_image(specs))
    return (BUILD_CYCLES + cycles) * work.streams(specs)


STAGE = Stage(
    name="size",
    summary="find the smallest FIFOs that keep the interval",
    environment="finn",
    entry="finn_worker.size:size",
    spec=SizeSpec,
    scope=Scope.DESIGN,
    needs=("compile", "export"),
    sources=("docker/finn/rtl",),
    # TFC 5 s, CNV 38 s, without what only the first one compiles.
    cost=Cost(seconds=3, per_unit=RUNS * work.SECONDS, memory=GIB // 2, disk=10_000),
    amount=_searched,
)
