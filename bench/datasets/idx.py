"""The headers of IDX files.

Format: two zero bytes, a type code, the number of dimensions, then each dimension as a 32-bit
big-endian integer, then the elements (http://yann.lecun.com/exdb/mnist).
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

from bench.errors import DataError

UNSIGNED_BYTE = 0x08
MAGIC_BYTES = 4


def header_bytes(dimensions: int) -> int:
    """Length of the header of a file with so many dimensions."""
    return MAGIC_BYTES + 4 * dimensions


def read_shape(path: Path, dimensions: int) -> tuple[int, ...]:
    """The shape of the unsigned bytes in the IDX file `path`.

    Args:
        path: A decompressed IDX file.
        dimensions: How many it must have: 3 for images [N, height, width], 1 for labels [N].

    Raises:
        DataError: It is not an IDX file of that kind, or its length does not fit its header.
    """
    with path.open("rb") as stream:
        header = stream.read(header_bytes(dimensions))
    magic = bytes((0, 0, UNSIGNED_BYTE, dimensions))
    if header[:MAGIC_BYTES] != magic or len(header) != header_bytes(dimensions):
        raise DataError(
            f"{path.name} is not an IDX file of unsigned bytes in {dimensions} dimension(s).",
            "Correct the catalog entry of this data set: it names another kind of file.",
        )
    shape = struct.unpack(f">{dimensions}I", header[MAGIC_BYTES:])
    expected = len(header) + math.prod(shape)
    if path.stat().st_size != expected:
        raise DataError(
            f"{path.name} has {path.stat().st_size} bytes, its header says {expected}.",
            "Correct the catalog entry of this data set: it describes a file cut short.",
        )
    return shape


def read_labels(path: Path) -> bytes:
    """The labels in the IDX file `path`, one byte each; errors as in `read_shape`."""
    read_shape(path, dimensions=1)
    return path.read_bytes()[header_bytes(1) :]
