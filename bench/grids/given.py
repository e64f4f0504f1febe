"""The user's own files that an experiment file names: networks, models and images."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.named import dataset_named, unknown_data
from bench.errors import ConfigError
from bench.grids.choices import check_names, repeated
from bench.grids.tables import Grid, ModelTable
from bench.input.given import GivenFile, MissingFile, examine
from bench.input.names import require_name
from bench.networks import NETWORKS, is_own, read
from contract.stages.dataset import DatasetSpec
from contract.stages.imported import LARGEST_MODEL

WHY_LARGEST = "that is 67 million weights in float32, more than any board here holds"


def with_network(path: Path, grid: Grid) -> Grid:
    """With the network of the file that it names."""
    train = grid.train
    if train is None:
        return grid
    if not is_own(train.network):
        check_names(path, "train.network", [train.network], NETWORKS)
        return grid
    own = read(f"{path}: train.network", path.parent, train.network)
    if own.name.casefold() in {name.casefold() for name in NETWORKS}:
        raise ConfigError(
            f"{path}: train.network: {own.name} is the name of another network.", "Rename the file."
        )
    return grid.model_copy(update={"train": train.made_by(own)})


def with_files(path: Path, grid: Grid, *, absent: bool) -> Grid:
    """With the data sets that it names, and the user's own files among them, looked at."""
    named = [_dataset(path, grid, said, absent=absent) for said in grid.datasets]
    data = tuple(spec for spec, _ in named)
    if twice := repeated(spec.name.casefold() for spec in data):
        name = next(spec.name for spec in data if spec.name.casefold() == twice[0])
        raise ConfigError(
            f"{path}: train.dataset names '{name}' twice.",
            "Name each of them once; a file is called as it is without .npz, in small letters.",
        )
    model = () if grid.model is None else (_model(path, grid.model, absent=absent),)
    given = (file for _, file in named if file is not None)
    return grid.model_copy(update={"data": data, "files": (*model, *given)})


def _dataset(
    path: Path, grid: Grid, said: str, *, absent: bool
) -> tuple[DatasetSpec, GivenFile | None]:
    where = f"{path}: {grid.where_data}"
    try:
        return dataset_named(where, said, path.parent, to_train=grid.model is None)
    except MissingFile:
        if absent:
            return unknown_data(said), None
        raise


def _model(path: Path, model: ModelTable, *, absent: bool) -> GivenFile:
    where, file = f"{path}: model.file", path.parent / model.file
    require_name(f"{where}, the name of {file.name}", file.stem)
    try:
        return examine(where, file, LARGEST_MODEL, WHY_LARGEST)
    except MissingFile:
        if absent:
            return GivenFile(file, 0, "")
        raise
