"""The `dataset` stage: fetch a data set, check it, and write it as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from contract.stage import GIB, Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """What decides the arrays of a data set, and what others have to know of them.

    Attributes:
        name, shape, classes, train_images, test_images: As its file declares them.
        sha256: Name and SHA-256 of each file.
        reader: SHA-256 of the module that the reader is in.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    train_images: int
    test_images: int
    sha256: tuple[tuple[str, str], ...]
    reader: str


STAGE = Stage(
    name="dataset",
    summary="fetch and check the images",
    environment="host",
    entry="bench.datasets.fetching.fetch:fetch",
    spec=DatasetSpec,
    scope=Scope.DATASET,
    sources=("bench/datasets/fetching/fetch.py", "docker/common/contract/arrays.py"),
    cost=Cost(seconds=5, memory=GIB // 4, disk=55_000_000),
    files={"data": ("files/*",)},
)
