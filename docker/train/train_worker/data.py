"""Images and labels from IDX files, resized and held in memory as tensors.

The IDX format is described at http://yann.lecun.com/exdb/mnist/: two zero bytes, a code for the
type (8 for unsigned bytes), the number of dimensions, each dimension as a big-endian 32-bit
integer, then the values in row-major order.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from stagekit import StageError

UINT8_CODE = 8
IMAGE_DIMENSIONS = 3

REMEDY = (
    "Remove the stored data set ('bench store verify' names damaged artifacts) and fetch it again."
)


@dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 [N, F], F = image_size * image_size, row-major pixels in 0..255.
        labels: int64 [N], in 0..classes-1.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> Split:
        """The first `count` images."""
        return Split(self.images[:count], self.labels[:count])


def read_classes(folder: Path) -> int:
    """Number of classes of the data set in `folder`, from its `metrics.json`."""
    path = folder / "metrics.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["classes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(f"{path.name} of the data set is unusable: {error!r}.", REMEDY) from error


def read_split(folder: Path, name: str, classes: int, image_size: int) -> Split:
    """Read `<name>-images.idx` and `<name>-labels.idx` from `folder`.

    Args:
        folder: The data set.
        name: "train" or "test".
        classes: Labels must be below this number.
        image_size: Height and width in pixels to which the images are resized.

    Raises:
        StageError: A file is missing, damaged, or does not fit the other one.
    """
    images = read_idx(folder / f"{name}-images.idx", IMAGE_DIMENSIONS)
    labels = read_idx(folder / f"{name}-labels.idx", 1)
    if len(images) != len(labels):
        raise StageError(
            f"The {name} set has {len(images)} images but {len(labels)} labels.", REMEDY
        )
    if images.size == 0:
        raise StageError(f"The {name} set is empty: its shape is {images.shape}.", REMEDY)
    if labels.max() >= classes:
        raise StageError(
            f"The {name} set has label {labels.max()}, its {classes} classes end at {classes - 1}.",
            REMEDY,
        )
    return Split(
        torch.from_numpy(resize(images, image_size)),
        torch.from_numpy(labels.astype(np.int64)),
    )


def read_idx(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Args:
        path: The decompressed file.
        dimensions: Number of dimensions that it must have.

    Returns:
        A read-only array in the file's shape.

    Raises:
        StageError: The file is missing, is no such IDX file, or is cut short or too long.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StageError(f"{path.name} cannot be read: {error.strerror}.", REMEDY) from error
    header_bytes = 4 + 4 * dimensions
    if content[:4] != bytes((0, 0, UINT8_CODE, dimensions)) or len(content) < header_bytes:
        raise StageError(
            f"{path.name} is no IDX file of unsigned bytes in {dimensions} dimensions"
            f" (it begins with {content[:4].hex(' ') or 'nothing'}).",
            REMEDY,
        )
    shape = struct.unpack_from(f">{dimensions}I", content, 4)
    expected = header_bytes + math.prod(shape)
    if len(content) != expected:
        raise StageError(
            f"{path.name} holds {len(content)} bytes, its header announces {expected}.", REMEDY
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header_bytes).reshape(shape)


def resize(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Resize with Pillow's bilinear filter, which is what torchvision's Resize does to an image.

    Args:
        images: [N, height, width].
        size: New height and width in pixels.

    Returns:
        [N, size * size], each image flattened.
    """
    count, height, width = images.shape
    if (height, width) == (size, size):
        return images.reshape(count, -1).copy()
    resized = np.empty((count, size * size), dtype=np.uint8)
    for row, image in zip(resized, images, strict=True):
        scaled = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
        row[:] = np.asarray(scaled).reshape(-1)
    return resized
