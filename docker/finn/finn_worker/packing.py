"""FINN+'s packing of weights and thresholds into memory words, without a bit string per value.

FINN+ 1.6.1 spends a quarter of a compilation in `array2hexstring`. For integers the same text
follows from one sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from finn.util import data_packing

_finns_own = data_packing.array2hexstring


def array2hexstring(
    array: Any, dtype: Any, pad_to_nbits: int, prefix: str = "0x", reverse: bool = False
) -> str:
    """As FINN+'s function of this name, which is called for anything but plain integers.

    Args:
        array: [N] values; the first becomes the most significant.
        dtype: Their QONNX datatype.
        pad_to_nbits: Width of the word, at least.
        prefix: Put in front.
        reverse: The last value becomes the most significant.
    """
    values = np.asarray(array, dtype=np.float32)
    bits, width = dtype.bitwidth(), max(pad_to_nbits, 4)
    plain = dtype.name in {f"INT{bits}", f"UINT{bits}", "BINARY"}
    fits = values.ndim == 1 and values.size * bits <= width and width % 4 == 0
    if not (plain and fits and values.size and _allowed(values, dtype)):
        return str(_finns_own(array, dtype, pad_to_nbits, prefix, reverse))
    mask, word = (1 << bits) - 1, 0
    for value in values[::-1].tolist() if reverse else values.tolist():
        word = word << bits | int(value) & mask
    return f"{prefix}{word:0{width // 4}x}"


def _allowed(values: Any, dtype: Any) -> bool:
    """Whether all are whole numbers in the range of `dtype`."""
    whole = (values == np.trunc(values)).all()
    return bool(whole and values.min() >= dtype.min() and values.max() <= dtype.max())


def install() -> None:
    """Have FINN+ use it."""
    data_packing.array2hexstring = array2hexstring
