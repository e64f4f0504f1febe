"""QONNX' test whether a number is one of a datatype's, without NumPy's overhead for one number.

FINN+'s streamlining asks it of every single weight: a million times for a network of CNV's size,
which was half of its time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qonnx.core.datatype import IntType

_qonnxs_own = IntType.allowed


def allowed(datatype: IntType, value: Any) -> Any:
    """As QONNX' `IntType.allowed`, which is called for anything but a single number."""
    if np.ndim(value):
        return _qonnxs_own(datatype, value)
    number = float(value)
    return datatype.min() <= number <= datatype.max() and number.is_integer()


def install() -> None:
    """Have QONNX use it."""
    IntType.allowed = allowed
