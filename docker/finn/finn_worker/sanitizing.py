"""QONNX' search for the largest rounding error of a tensor, without Python's loop over its values.

QONNX looks at every tensor of whole numbers before and after each node that it executes. Python's
`max` over an array was 60% of the time of executing CNV.
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
from qonnx.util import basic


def largest(*values: Any) -> Any:
    """As Python's `max`, which is called for anything but a single array of one dimension."""
    if len(values) == 1 and isinstance(values[0], np.ndarray) and values[0].ndim == 1:
        return values[0].max()
    return builtins.max(*values)


def install() -> None:
    """Have QONNX use it."""
    vars(basic)["max"] = largest
