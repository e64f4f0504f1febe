"""QONNX' Im2Col, right for more than one image at a time.

QONNX 1.0.0 mixes the images of a batch up, and FINN+'s ConvolutionInputGenerator, which executes
it, does likewise. For one image, both give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.custom_op.general import im2col

Floats = npt.NDArray[np.float32]


def windows(
    x: Floats,
    ifm_h: int,  # noqa: ARG001
    ifm_w: int,  # noqa: ARG001
    field_height: int,
    field_width: int,
    padding: Sequence[int] = (0, 0, 0, 0),
    stride_h: int = 1,
    stride_w: int = 1,
    pad_val: float = 0,
    dilation_h: int = 1,
    dilation_w: int = 1,
) -> Any:
    """As QONNX' `im2col_indices_nchw`, but [N, C, KH, KW, OH, OW] of images [N, C, H, W].

    Args:
        x: The images.
        ifm_h: H; not needed.
        ifm_w: W; not needed.
        field_height: KH.
        field_width: KW.
        padding: Top, left, bottom, right.
        stride_h: Rows from window to window.
        stride_w: Columns from window to window.
        pad_val: Value of the padding.
        dilation_h: Rows from pixel to pixel in a window.
        dilation_w: Columns from pixel to pixel in a window.
    """
    top, left, bottom, right = padding
    around = ((0, 0), (0, 0), (top, bottom), (left, right))
    padded = np.pad(x, around, constant_values=pad_val)
    reach = (dilation_h * (field_height - 1) + 1, dilation_w * (field_width - 1) + 1)
    every = np.lib.stride_tricks.sliding_window_view(padded, reach, (2, 3))
    chosen = every[:, :, ::stride_h, ::stride_w, ::dilation_h, ::dilation_w]
    return chosen.transpose(0, 1, 4, 5, 2, 3)


def install() -> None:
    """Have QONNX use it."""
    im2col.im2col_indices_nchw = windows
