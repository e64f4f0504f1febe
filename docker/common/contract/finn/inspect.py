"""The `inspect` stage: what a network is in hardware, before it is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contract.finn import cycles, work
from contract.finn.compile import Clock, CompileSpec
from contract.stage import GIB, Cost, Scope, Specs, Stage

Fields = tuple[tuple[str, Any], ...]
"""(field, value) of what a folding decides of a `CompileSpec`."""
Target = tuple[str, str]
"""A board and its part."""

SMALLEST = "PE = SIMD = 1"
"""The folding that is looked at where none is asked for."""


@dataclass(frozen=True, kw_only=True)
class InspectSpec:
    """All designs that are to be made of one network.

    Attributes:
        foldings: Name and fields of each; none for the smallest there is.
        targets: Boards to build for.
    """

    foldings: tuple[tuple[str, Fields], ...]
    targets: tuple[Target, ...]
    clock_mhz: Clock

    def compilation(self, fields: Fields, target: Target) -> CompileSpec:
        """The spec of the compile stage for one of the designs."""
        declared = dataclasses.fields(CompileSpec)
        defaults = {f.name: f.default for f in declared if f.default is not dataclasses.MISSING}
        board, part = target
        chosen = {**dict(fields), "board": board, "part": part, "clock_mhz": self.clock_mhz}
        return CompileSpec(**defaults | chosen)


def nothing_can_be(reasons: Mapping[str, str]) -> str:
    """What is said of a network of which no design can be: the reason of each, by folding."""
    said = [f"{name}: {reason}" for name, reason in reasons.items()]
    return f"No folding that is asked for can be built. {' '.join(said)}"


def refusal(specs: Specs) -> str | None:
    """Why no design can be, as far as the specs tell; None where one may."""
    reasons = {}
    for name, fields in specs["inspect"]["foldings"]:
        build = {**specs["compile"], **dict(fields)}
        reason = cycles.refusal({**specs, "compile": build})
        if reason is None:
            return None
        reasons[name] = reason
    return nothing_can_be(reasons) if reasons else None


STAGE = Stage(
    name="inspect",
    summary="see what can be compiled, before training",
    environment="finn",
    entry="finn_worker.inspect_with_finn:inspect_model",
    spec=InspectSpec,
    scope=Scope.NETWORK,
    table="build",
    needs=("draft",),
    # TFC 3 s, CNV 9 s.
    cost=Cost(seconds=1, per_unit=0.15, memory=GIB * 3 // 10, disk=60_000),
    amount=work.generated,
    memory=work.memory,
    refusal=refusal,
)
