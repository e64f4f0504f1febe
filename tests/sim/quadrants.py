"""Images that tell their class by the quadrant that is brighter, and a grid that trains on them."""

from __future__ import annotations

from typing import Any

import numpy as np

CLASSES, IMAGES = 4, 20
GRID = f"""
name = "own"
[train]
network = "{{network}}"
dataset = "{{dataset}}"
bits = [[3, 2]]
seeds = [1]
epochs = 6
milestones = []
image_size = {{image_size}}
[build]
target_fps = [{{fps}}]
board = "Pynq-Z1"
clock_mhz = 100.0
[simulate]
images = {IMAGES}
[measure]
images = {IMAGES}
"""


def quadrants(
    shape: tuple[int, int, int], pixels: range, brighter: int
) -> dict[str, np.ndarray[Any, Any]]:
    """Random images `x_train` and `x_test` [N, C, H, W] of `shape`, and their classes `y_...`.

    Args:
        shape: Of an image, (C, H, W).
        pixels: What they are elsewhere: 8-bit numbers.
        brighter: What is added to those of the first channel in the quadrant of the class.
    """
    kind = np.int8 if pixels.start < 0 else np.uint8
    generator = np.random.default_rng(3)
    _, height, width = shape
    arrays = {}
    for half, count in (("train", 400), ("test", 120)):
        labels = generator.integers(0, CLASSES, count, np.uint8)
        images = generator.integers(pixels.start, pixels.stop, (count, *shape), kind)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 2)
            rows = slice(row * height // 2, (row + 1) * height // 2)
            image[0, rows, column * width // 2 : (column + 1) * width // 2] += brighter
        arrays |= {f"x_{half}": images, f"y_{half}": labels}
    return arrays
