"""Fashion-MNIST as images of three channels, for networks that take colours.

Its files, nothing new: the grey value stands in each channel. A network that is published for
3x32x32 images can so be trained and built as it is, from files that are there offline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.datasets import fashion_mnist, idx
from bench.datasets.model import DataFile, Images


def read(folder: Path, files: Sequence[DataFile]) -> tuple[Images, Images]:
    """The images and labels of Fashion-MNIST, each channel the grey value."""
    train, test = idx.read(folder, files)
    return _in_colour(train), _in_colour(test)


def _in_colour(grey: Images) -> Images:
    return replace(grey, images=grey.images.repeat(3, axis=1))


DATASET = replace(
    fashion_mnist.DATASET,
    name="Fashion-MNIST-RGB",
    shape=(3, 28, 28),
    files_of=fashion_mnist.DATASET.name,
    read=read,
)
