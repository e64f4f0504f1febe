"""The `size` stage: the smallest FIFOs that keep the interval."""

from __future__ import annotations

from dataclasses import dataclass

from contract.stage import GIB, Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class SizeSpec:
    """Nothing to choose."""


STAGE = Stage(
    name="size",
    summary="find the smallest FIFOs that keep the interval",
    environment="finn",
    entry="finn_worker.size:size",
    spec=SizeSpec,
    scope=Scope.DESIGN,
    needs=("compile", "export"),
    sources=("docker/finn/rtl",),
    cost=Cost(seconds=5, memory=GIB // 2, disk=10_000),  # without what only the first one compiles
)
