"""Turn the integers that a board returns into classes, and compare them with the simulation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.console.text import counted
from bench.errors import BoardError
from contract import outcome
from contract.outcome import Kind, Predictions

Integers = npt.NDArray[np.int64]

# Share of the images to which a value on a rounding boundary may give another class than torch
# does. None of 60,000 simulated did (TFC on MNIST at 2, 4 and 8 bits).
MOST_TIES = 0.001
# The same of values, which show every activation that a tie moves by a step.
MOST_TIES_OF_VALUES = 0.1
# Dimensions of images [T, C, H, W], which the accelerator takes channels last.
_WITH_CHANNELS = 4


@dataclass(frozen=True)
class TestSet:
    """Test images, their labels, and the reference's predictions.

    Attributes:
        images: uint8 or int8 [T, ...], each in the order in which the accelerator takes it.
        labels: uint8 [T]; None where there are none.
        predictions: As `contract.outcome` says.
    """

    images: npt.NDArray[Any]
    labels: npt.NDArray[np.uint8] | None
    predictions: Predictions

    @classmethod
    def load(cls, path: Path, images: int) -> TestSet:
        """The first `images` of the test set that the stage `export` wrote."""
        with np.load(path) as data:
            chosen, predictions = data["images"][:images], data["predictions"][:images]
            labels = data["labels"][:images] if "labels" in data else None
        if chosen.ndim == _WITH_CHANNELS:
            chosen = chosen.transpose(0, 2, 3, 1)
        return cls(chosen, labels, predictions)


@dataclass(frozen=True)
class Postprocess:
    """The step after the accelerator, on the host: logits = scale * output + bias.

    Attributes:
        scale: float32 [C].
        bias: float32 [C].
    """

    scale: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    @classmethod
    def load(cls, path: Path) -> Postprocess:
        """Read what the stage `compile` left for the host."""
        with np.load(path) as data:
            return cls(data["scale"].astype(np.float32), data["bias"].astype(np.float32))

    def predicted(self, outputs: Integers, kind: Kind) -> Predictions:
        """What the accelerator's `outputs` [N, C] say of each image."""
        logits = self.scale * outputs.astype(np.float32) + self.bias
        return outcome.predicted(logits, kind)


def load_outputs(path: Path, images: int, elements: int) -> Integers:
    """The accelerator's outputs, int64 [images, elements], from the raw file of a board.

    Raises:
        BoardError: The file has another size.
    """
    outputs = np.fromfile(path, dtype="<i8")
    if outputs.size != images * elements:
        raise BoardError(
            f"The board returned {counted(outputs.size, 'output')} for "
            f"{counted(images, 'image')}, not {images * elements}.",
            "Its program and bench are of different versions; rerun from one checkout.",
        )
    return outputs.reshape(images, elements).astype(np.int64)


@dataclass(frozen=True)
class Comparison:
    """How a board's outputs compare with what was verified before.

    Attributes:
        compared: How many images were simulated, too.
        fault: What is wrong; None where they agree.
    """

    compared: int
    fault: str | None = None


def compare(
    outputs: Integers, simulated: Integers, predictions: Predictions, test_set: TestSet
) -> Comparison:
    """Compare a board's outputs with the simulation's, further images with the reference.

    `outputs` [N, C] and their `predictions` are the board's for the N images of `test_set`;
    `simulated` [M, C] is of the first images.

    Raises:
        BoardError: There is nothing to compare.
    """
    count = min(len(outputs), len(simulated))
    if count == 0 or outputs.shape[1] != simulated.shape[1]:
        raise BoardError(
            f"The board's outputs {outputs.shape} cannot be compared with the simulation's "
            f"{simulated.shape}.",
            "Remove the artifacts of `simulate` and `measure`, then rerun.",
        )
    differing = np.flatnonzero(np.any(outputs[:count] != simulated[:count], axis=1))
    if differing.size:
        first = int(differing[0])
        return Comparison(
            count,
            f"Behind the DMA the accelerator gives other outputs than alone for {differing.size} "
            f"of {counted(count, 'image')}, the first is image {first}: {outputs[first].tolist()} "
            f"instead of {simulated[first].tolist()}. It loses data where it is kept waiting.",
        )
    theirs = test_set.predictions
    disagreeing = np.flatnonzero(outcome.differing(predictions, theirs)[count:])
    values = outcome.kind_of(theirs) == "values"
    most = MOST_TIES_OF_VALUES if values else MOST_TIES
    if disagreeing.size > max(1, most * (len(outputs) - count)):
        return Comparison(
            count,
            f"{disagreeing.size} of the {counted(len(outputs) - count, 'image')} measured and not "
            f"simulated get {'other values' if values else 'another class'} from the accelerator "
            f"than from the model, the first is image {count + int(disagreeing[0])}: more than "
            "ties explain.",
        )
    return Comparison(count)
