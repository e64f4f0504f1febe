"""Cycles of the layers that form a convolution's windows, as FINN+ 1.6.1 estimates them.

`docker/finn/tests/test_cycles.py` compares them with FINN+'s own `get_exp_cycles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What a generator of windows makes of an image; pairs are (height, width).

    Attributes:
        image: Pixels that the kernel slides over, with those of the padding.
        kernel: Pixels of a window.
        stride: From one window to the next.
        channels: Values of a pixel.
        depthwise: Whether a window is given channel by channel.
    """

    image: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    channels: int
    depthwise: bool = False

    @property
    def count(self) -> tuple[int, int]:
        """Windows in a column, and in a row."""
        rows, columns = (
            (side - kernel) // stride + 1
            for side, kernel, stride in zip(self.image, self.kernel, self.stride, strict=True)
        )
        return rows, columns

    @property
    def needed(self) -> bool:
        """Whether there is a generator at all: every pixel is a window of itself where not."""
        return self.kernel != (1, 1) or self.stride != (1, 1)

    def cycles(self, simd: int, *, parallel: bool = False) -> int:
        """Cycles per image of the generator.

        Args:
            simd: Channels of a pixel that it takes at once.
            parallel: Whether it gives all pixels of a window at once (FINN's `parallel_window`).
        """
        folds = self.channels // simd
        if parallel or self.kernel == (1, 1):
            return self.image[0] * self.image[1] * folds + 2
        if 1 in self.image:
            return self._of_a_row(folds)
        (high, wide), (rows, columns) = self.kernel, self.count
        width, (down, right) = self.image[1], self.stride
        first = ((high - 1) * width + wide) * folds
        line = max(columns * wide * high * folds, right * width * folds)
        if not self.depthwise:
            return first + rows * line
        line += columns * (right - 1) * (folds - 1)
        return first + rows * line + (down - 1) * width * folds

    def _of_a_row(self, folds: int) -> int:
        """Of an image that is one pixel high, or wide."""
        along = 0 if self.image[1] == 1 else 1
        columns, wide, stride = self.count[along], self.kernel[along], self.stride[along]
        given = columns * wide * folds
        if not self.depthwise:
            return given + 2
        taken = self.image[along] * folds + folds * (wide - 1) * (stride - 1)
        return max(given + (folds - 1) * wide, taken) + 2


def converter(values: int, given: int, taken: int) -> int:
    """Cycles per image of a width converter; 0 where it keeps pace with both neighbours.

    Between widths of which neither is a multiple of the other, FINN converts by way of their least
    common multiple, which is filled and emptied in turns but for one beat of overlap.

    Args:
        values: Of an image.
        given: Values in a beat of its input.
        taken: Values in a beat of its output.
    """
    if given % taken == 0 or taken % given == 0:
        return 0
    group = lcm(given, taken)
    return values // group * (group // given + group // taken - 1)
