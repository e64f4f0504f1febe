"""The parameters of the two stages, checked where they come in."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from contract.architecture import Architecture, ArchitectureError
from stagekit import StageError

LEAST_BITS, MOST_BITS = 2, 32
"""Of weights and activations; the accelerator's generator takes up to 8."""

MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class TrainSpec:
    """What to train and how.

    Attributes:
        network: Its name.
        architecture: What it is, as `contract.architecture.Architecture.to_json` gives it.
        weight_bits: Bit width of all weights, or a list of one for each layer; 0: not quantized.
        act_bits: Bit width of the activations, or a list of one for each; 0: not quantized.
        seed: Seeds initial weights, dropout and the order of the images.
        epochs: Passes over the training images.
        batch_size: Images per step.
        learning_rate: Adam's, before the first milestone.
        milestones: After each of these epochs (counted from 1) the rate is multiplied by `gamma`.
        gamma: See `milestones`.
        dropout: Probability with which an input or activation is dropped in training.
        image_size: Height and width in pixels to which images are resized.
        train_images: Use the first so many training images; 0 for all.
    """

    network: str
    architecture: dict[str, Any]
    weight_bits: int | list[int]
    act_bits: int | list[int]
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    milestones: list[int]
    gamma: float
    dropout: float
    image_size: int
    train_images: int

    def __post_init__(self) -> None:
        """Refuse values that cannot be trained; raises `StageError`."""
        _require("network", self.network, isinstance(self.network, str), "a name")
        self.declared()
        for field, bits in (("weight_bits", self.weight_bits), ("act_bits", self.act_bits)):
            for width in bits if isinstance(bits, list) else [bits]:
                if width != 0 or isinstance(width, bool):
                    _whole(field, width, LEAST_BITS, MOST_BITS)
        _whole("seed", self.seed, 0, MAX_SEED)
        _whole("epochs", self.epochs, 1)
        # Batch normalization has no variance to work with in a batch of one.
        _whole("batch_size", self.batch_size, 2)
        _number("learning_rate", self.learning_rate, lambda rate: 0 < rate < math.inf, "above 0")
        _number("gamma", self.gamma, lambda gamma: 0 < gamma <= 1, "above 0 and at most 1")
        _number("dropout", self.dropout, lambda drop: 0 <= drop < 1, "at least 0 and below 1")
        _whole("image_size", self.image_size, 1)
        _whole("train_images", self.train_images, 0)
        milestones = self.milestones
        holds = (
            isinstance(milestones, list)
            and all(_is_whole(epoch) and 1 <= epoch < self.epochs for epoch in milestones)
            and milestones == sorted(set(milestones))
        )
        last = self.epochs - 1
        wanted = f"rising epochs from 1 to {last}, or none" if last else "none, of one epoch"
        _require("milestones", milestones, holds, wanted)

    def declared(self) -> Architecture:
        """What the network is; raises `StageError` for a declaration of none."""
        try:
            return Architecture.from_json(self.architecture)
        except ArchitectureError as error:
            raise StageError(
                f"architecture of {self.network}: {error}.",
                "Run bench and its workers in the same version.",
            ) from error

    def bits_of_layers(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Bit widths of each layer's weights, and of each activation.

        Raises:
            StageError: A list is of another length than the network.
        """
        network = self.declared()
        weights = _for_each("weight_bits", self.weight_bits, network.weighted())
        return weights, _for_each("act_bits", self.act_bits, network.activations())


@dataclass(frozen=True)
class ExportSpec:
    """How to export.

    Attributes:
        golden_images: The first so many test images are run through the exported model too.
    """

    golden_images: int

    def __post_init__(self) -> None:
        """Refuse an export that nothing is checked against; raises `StageError`."""
        _whole("golden_images", self.golden_images, 1)


def _for_each(field: str, bits: int | list[int], count: int) -> tuple[int, ...]:
    widths = tuple(bits) if isinstance(bits, list) else (bits,) * count
    _require(field, bits, len(widths) == count, f"one number, or a list of {count}")
    return widths


def _is_whole(value: object) -> bool:
    """JSON's true and false are no numbers, though Python counts them as such."""
    return isinstance(value, int) and not isinstance(value, bool)


def _whole(field: str, value: int, low: int, high: int | None = None) -> None:
    holds = _is_whole(value) and low <= value and (high is None or value <= high)
    span = f"of at least {low}" if high is None else f"from {low} to {high}"
    _require(field, value, holds, f"a whole number {span}")


def _number(field: str, value: float, test: Callable[[float], bool], wanted: str) -> None:
    is_number = _is_whole(value) or isinstance(value, float)
    _require(field, value, is_number and test(value), f"a number {wanted}")


def _require(field: str, value: object, holds: bool, wanted: str) -> None:
    if not holds:
        raise StageError(f"{field} is {value!r}.", f"Give {field} as {wanted}.")
