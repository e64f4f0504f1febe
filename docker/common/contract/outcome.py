"""What a model's outputs say of an image, and when two of them say the same.

Predictions are int64 [N] where the outputs are classes, the largest of each image. Where they are
values, such as one bit, or several that are no classes, predictions are float32 [N, C], the values
themselves. Trained networks and the user's own models, simulations and boards: all are compared by
these functions.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["classes", "values"]
Predictions = npt.NDArray[Any]

TOLERANCE = 1e-4
"""Share of the span of all values by which two may differ and still count as equal: summing in
another order moves a value by about 1e-6 of its range."""
TIE = 1e-5
"""The same of the logits of one image, of which the largest says the class."""
_OF_VALUES = 2  # dimensions


def kind_of(predictions: Predictions) -> Kind:
    """Whether predictions are classes or values."""
    return "values" if predictions.ndim == _OF_VALUES else "classes"


def predicted(logits: npt.NDArray[np.floating[Any]], kind: Kind) -> Predictions:
    """What outputs [N, C] say: the first of the largest, or the values."""
    if kind == "values":
        return logits.astype(np.float32)
    most, least = logits.max(axis=1, keepdims=True), logits.min(axis=1, keepdims=True)
    # Equal whole numbers, scaled, differ by rounding: of these, hardware and torch take the first.
    largest = logits >= most - TIE * (most - least)
    return np.asarray(largest.argmax(axis=1), dtype=np.int64)


def slack(values: npt.NDArray[Any]) -> float:
    """By how much a value may differ from one of these and still count as equal."""
    return TOLERANCE * (float(np.ptp(values)) or 1.0)


def differing(ours: Predictions, theirs: Predictions) -> npt.NDArray[np.bool_]:
    """[N]: where predictions differ from those of reference, `theirs`."""
    if kind_of(theirs) == "classes":
        return np.asarray(ours != theirs)
    off = np.abs(ours.astype(np.float64) - theirs) > slack(theirs)
    return np.asarray(off.any(axis=1))


def accuracy(predictions: Predictions, labels: npt.NDArray[Any] | None) -> float | None:
    """Share of the images that are what their labels say; None where that is not defined.

    A single value is the second of two classes where it is above 0, be it a bit of -1 or 1, of 0 or
    1, or a logit. Of several values that are no classes, no label says what is right.
    """
    if labels is None:
        return None
    if kind_of(predictions) == "classes":
        return float(np.mean(predictions == labels))
    if predictions.shape[1] != 1 or (labels > 1).any():
        return None
    return float(np.mean((predictions[:, 0] > 0) == (labels == 1)))
