"""The `dataset` stage: fetch a data set, check it, and write it as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from contract.stage import GIB, Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """The data set, by name."""

    dataset: str


STAGE = Stage(
    name="dataset",
    summary="fetch and check the images",
    environment="host",
    entry="bench.datasets.fetch:fetch",
    spec=DatasetSpec,
    scope=Scope.DATASET,
    sources=("bench/datasets",),
    cost=Cost(seconds=5, memory=GIB // 4, disk=55_000_000),
    files={"data": ("files/*",)},
)
