"""Images as the network takes them, and as the accelerator does."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

FLAT = 2  # dimensions of images [N, F]


def channels_last(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Images [N, F] or [N, C, H, W] in the accelerator's order: [N, F] or [N, H, W, C]."""
    return images if images.ndim == FLAT else images.transpose(0, 2, 3, 1)
