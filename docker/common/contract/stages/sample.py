"""The `sample` stage: random images for a model that is looked at without a data set."""

from __future__ import annotations

from dataclasses import dataclass

from contract.stage import GIB, Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class SampleSpec:
    """Nothing to choose."""


STAGE = Stage(
    name="sample",
    summary="draw random images for a model",
    environment="finn",
    entry="finn_worker.imported.sample:sample",
    spec=SampleSpec,
    scope=Scope.TRAINING,
    provides="dataset",
    needs=("model",),
    cost=Cost(seconds=2, memory=GIB // 4, disk=100_000),
)
