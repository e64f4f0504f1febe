"""The data set that an experiment file names: one that is registered, or a file beside it."""

from __future__ import annotations

from pathlib import Path

from bench.datasets import DATASETS
from bench.datasets.own import own_data
from bench.errors import ConfigError, did_you_mean
from bench.input.given import GivenFile
from contract.stages.dataset import DatasetSpec

SUFFIX = ".npz"
_ANY_NUMBER = 2**62


def unknown_data(said: str) -> DatasetSpec:
    """What stands for the data set in a file that is not there; without checksums."""
    return DatasetSpec(
        name=Path(said).stem,
        shape=(1, 1, 1),
        classes=0,
        train_images=_ANY_NUMBER,
        test_images=_ANY_NUMBER,
        checksums=(),
        reader="",
        given=True,
    )


def dataset_named(
    where: str, said: str, folder: Path, *, to_train: bool
) -> tuple[DatasetSpec, GivenFile | None]:
    """The data set called `said`, and its file if it is the user's own.

    Args:
        where: The key that says it; begins every message.
        said: The name of a data set, or the path of an npz file.
        folder: What that path is relative to.
        to_train: Whether a network is trained on it; see `own_data`.

    Raises:
        ConfigError: There is no such data set, or its file holds none.
    """
    if said in DATASETS:
        return DATASETS[said].spec, None
    if not said.endswith(SUFFIX):
        raise ConfigError(
            f"{where} = '{said}' is not known.",
            f"{did_you_mean(said, DATASETS)} A file of yours ends in {SUFFIX}.",
        )
    spec, given = own_data(where, folder / said, to_train=to_train)
    for name in DATASETS:
        if name.casefold() == spec.name.casefold():
            raise ConfigError(
                f"{where}: {given.path} would be called '{spec.name}' in results, as the data set "
                f"{name} is.",
                "Rename the file.",
            )
    return spec, given
