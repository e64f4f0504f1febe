"""What a grid says of trainings, with what follows from the network and the data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from bench.grids.tables import Grid, TrainTable
from bench.networks import Defaults
from bench.words import BitWidths
from contract.architecture import LayerShape
from contract.stages.dataset import DatasetSpec, resized


def hyperparameters(train: TrainTable) -> Defaults:
    """What is said of the training; what is not, the network's file says."""
    defaults = asdict(train.made.defaults)
    given = {name: getattr(train, name) for name in defaults}
    return Defaults(**defaults | {name: said for name, said in given.items() if said is not None})


def known_layers(grid: Grid) -> list[tuple[LayerShape, ...] | None]:
    """The layers with weights, as `layers`, for each data set on which they differ."""
    if grid.train is None:
        return [None]
    return [*dict.fromkeys(layers(grid.train, data) for data in grid.data)]


def layers(train: TrainTable, data: DatasetSpec) -> tuple[LayerShape, ...] | None:
    """The layers with weights of the network, trained on `data`; None where nobody knows yet.

    Raises:
        ArchitectureError: The network cannot take its images.
    """
    if not data.checksums:  # its file is absent
        return None
    image = resized(data.shape, hyperparameters(train).image_size)
    return train.made.shapes(image, data.classes)


def precisions(train: TrainTable) -> tuple[tuple[BitWidths, BitWidths], ...]:
    """Every pair of weight and activation bits; a list of equal numbers becomes one number.

    A function of the user's is given a list as it is written, but for one of a single number.
    """
    is_own = train.made.code is not None
    return tuple((_plain(weights, is_own), _plain(acts, is_own)) for weights, acts in pairs(train))


def pairs(train: TrainTable) -> Iterable[tuple[BitWidths, BitWidths]]:
    """The same, as they are written."""
    return train.bits or [(w, a) for w in train.weight_bits for a in train.act_bits]


def _plain(bits: BitWidths, is_own: bool) -> BitWidths:
    if not isinstance(bits, tuple):
        return bits
    return bits[0] if len(bits if is_own else set(bits)) == 1 else bits
