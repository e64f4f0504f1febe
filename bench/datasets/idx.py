"""Data sets in four IDX files, as MNIST is published.

Format: two zero bytes, a type code, the number of dimensions, then each dimension as a 32-bit
big-endian integer, then the elements (http://yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.console.text import counted
from bench.datasets.model import DataFile, Dataset, Images, Source
from bench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_UNSIGNED_BYTE = 0x08
_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
_REMEDY = "Correct the declaration of this data set: it names another kind of file."


def dataset(
    *,
    name: str,
    classes: int,
    size: tuple[int, int],
    train_images: int,
    test_images: int,
    sha256: tuple[str, str, str, str],
    sources: tuple[Source, ...],
) -> Dataset:
    """A data set of grey images; see `Dataset`.

    `size` is height and width; `sha256` is of training images and labels, test images and labels.
    """
    pixels = math.prod(size)
    lengths = [_header(3) + train_images * pixels, _header(1) + train_images]
    lengths += [_header(3) + test_images * pixels, _header(1) + test_images]
    return Dataset(
        name=name,
        shape=(1, *size),
        classes=classes,
        train_images=train_images,
        test_images=test_images,
        files=tuple(map(DataFile, _NAMES, sha256, lengths)),
        sources=sources,
        read=read,
    )


def read(folder: Path, files: Sequence[DataFile]) -> tuple[Images, Images]:
    """The images and labels in the four files.

    Raises:
        DataError: A file is not such an IDX file, or its length does not match its header.
    """
    arrays = [
        _array(folder / file.name, dimensions)
        for file, dimensions in zip(files, (3, 1, 3, 1), strict=True)
    ]
    return Images(arrays[0][:, None], arrays[1]), Images(arrays[2][:, None], arrays[3])


def _header(dimensions: int) -> int:
    """Bytes of the header of a file with so many dimensions."""
    return len(_magic(dimensions)) + 4 * dimensions


def _magic(dimensions: int) -> bytes:
    return bytes((0, 0, _UNSIGNED_BYTE, dimensions))


def _array(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The unsigned bytes in an IDX file of so many dimensions."""
    import numpy as np  # noqa: PLC0415

    content, magic, header = path.read_bytes(), _magic(dimensions), _header(dimensions)
    if not content.startswith(magic) or len(content) < header:
        raise DataError(
            f"{path.name} is not an IDX file of unsigned bytes in "
            f"{counted(dimensions, 'dimension')}.",
            _REMEDY,
        )
    shape = struct.unpack_from(f">{dimensions}I", content, len(magic))
    if len(content) != header + math.prod(shape):
        raise DataError(
            f"{path.name} has {counted(len(content), 'byte')}, its header says "
            f"{header + math.prod(shape):,}.",
            _REMEDY,
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)
