"""The `search` stage: the best designs of a network, before it is trained or built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from contract.fields import Misfit, Range
from contract.finn.compile import Clock
from contract.finn.cores import CORES, DSP
from contract.finn.goal import PUMPED, WRITTEN, NoGoalError, goal_of
from contract.finn.inspect import Target
from contract.stage import GIB, Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class SearchSpec:
    """What is looked for in one network.

    Attributes:
        goals: As they are written; see `contract.finn.goal`.
        share: Of each resource of a part, the most that a design may take.
        cores: What MVAUs may multiply in; besides those that are built, "pumped".
        front: Whether every smaller design that is slower is looked for, too.
        compared: Whether FINN's own search is compared.
        targets: Boards to fit.
    """

    goals: tuple[str, ...]
    share: Annotated[float, Range(gt=0, le=1)]
    cores: tuple[str, ...]
    front: bool
    compared: bool
    targets: tuple[Target, ...]
    clock_mhz: Clock

    def __post_init__(self) -> None:
        """Goals and cores are known; raises `Misfit`."""
        for written in self.goals:
            try:
                known = goal_of(written)
            except NoGoalError as error:
                raise Misfit("goals", f"has a wrong one: {error}", WRITTEN) from None
            if known is None:
                raise Misfit("goals", f"has '{written}'", WRITTEN)
        if not self.cores or not {*self.cores} <= {*CORES, PUMPED}:
            raise Misfit(
                "cores", f"is {list(self.cores)}", f"Known: {', '.join((*CORES, PUMPED))}."
            )
        if self.compared and DSP not in self.cores:
            raise Misfit(
                "cores",
                f"is {list(self.cores)}; FINN's own search, which is compared, knows {DSP} only",
                f"Add {DSP}, or do not compare.",
            )


STAGE = Stage(
    name="search",
    summary="search the best designs, before training",
    environment="finn",
    entry="finn_worker.search_with_finn:search_network",
    spec=SearchSpec,
    scope=Scope.NETWORK,
    table="build",
    needs=("draft",),
    # TFC 5 s, ResNet8 20 s.
    cost=Cost(seconds=8, memory=GIB * 4 // 10, disk=60_000),
)
