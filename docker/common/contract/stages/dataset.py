"""The `dataset` stage: fetch a data set, check it, and write it as arrays."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from contract.architecture import Shape
from contract.stage import GIB, Cost, Scope, Specs, Stage

DATATYPES = "BIPOLAR, BINARY, UINT2 to UINT8 or INT2 to INT8"
_WHOLE = re.compile(r"(U?)INT([2-8])")


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """What the whole numbers of images stand for: scale * (number - zero_point).

    Attributes:
        datatype: The numbers that there may be, as QONNX calls them: BIPOLAR (-1 and 1), BINARY, or
            UINT2 to UINT8 and INT2 to INT8.
        scale: Of one step; above 0.
        zero_point: The number that stands for 0.
    """

    datatype: str = "UINT8"
    scale: float = 1 / 255
    zero_point: int = 0

    def __post_init__(self) -> None:
        """Raise `ValueError` for what cannot be."""
        low, high = bounds_of(self.datatype)
        scale, zero_point = self.scale, self.zero_point
        if type(scale) is not float or not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"the scale is {scale!r}, no number above 0")
        if type(zero_point) is not int or not low <= zero_point <= high:
            raise ValueError(f"the zero point is {zero_point!r}, and {self.datatype} has no such")

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest number."""
        return bounds_of(self.datatype)

    @property
    def signed(self) -> bool:
        """Whether there are negative numbers: images are then int8, else uint8."""
        return self.bounds[0] < 0

    @classmethod
    def from_json(cls, data: Any) -> Quantization:
        """From its fields as JSON values; raises `ValueError`."""
        try:
            return cls(**data)
        except TypeError as error:
            raise ValueError(f"{data!r} is no quantization") from error

    def to_json(self) -> Mapping[str, Any]:
        """As JSON values."""
        return asdict(self)


def bounds_of(datatype: str) -> tuple[int, int]:
    """The smallest and the largest number of a datatype.

    Raises:
        ValueError: Images cannot be of it.
    """
    if datatype in ("BIPOLAR", "BINARY"):
        return (-1 if datatype == "BIPOLAR" else 0), 1
    match = _WHOLE.fullmatch(datatype)
    if match is None:
        raise ValueError(f"the datatype is {datatype!r}, not {DATATYPES}")
    bits = int(match[2])
    return (0, 2**bits - 1) if match[1] else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


PIXELS = Quantization()
"""Of ordinary images: 0..255 stand for 0..1."""


def resized(shape: Shape, image_size: int) -> Shape:
    """Shape, (C, H, W), of what a network is given of images of `shape`.

    Images stay as they are if `image_size` is 0, and features, images of one pixel, always.
    """
    if image_size == 0 or shape[1:] == (1, 1):
        return shape
    return shape[0], image_size, image_size


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """What decides the arrays of a data set, and what others have to know of them.

    Attributes:
        name, shape, classes, train_images, test_images: As its file declares them.
        quantization: What the numbers in its images stand for.
        checksums: Name and checksum of each file.
        reader: SHA-256 of the module that the reader is in.
        given: Whether it is in a file of the user's, known by its content, and not published.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    train_images: int
    test_images: int
    checksums: tuple[tuple[str, str], ...]
    reader: str
    quantization: Quantization = PIXELS
    given: bool = False


def _array_bytes(spec: Mapping[str, Any], specs: Specs) -> float:
    """Memory of the images, as they are read and as they are written."""
    return 2 * _written_bytes(spec, specs)


def _written_bytes(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    """The images and the label of each."""
    images = spec["train_images"] + spec["test_images"]
    return float(images * (math.prod(spec["shape"]) + 1))


STAGE = Stage(
    name="dataset",
    summary="fetch and check the images",
    environment="host",
    entry="bench.datasets.fetching.fetch:fetch",
    spec=DatasetSpec,
    scope=Scope.DATASET,
    sources=(
        "bench/datasets/fetching/fetch.py",
        "bench/datasets/fetching/arrays.py",
        "bench/datasets/fetching/given.py",
        "bench/input/npz.py",
        "docker/common/contract/arrays.py",
    ),
    cost=Cost(seconds=5, memory=GIB // 4, disk=2_000),
    memory=_array_bytes,
    disk=_written_bytes,
    files={"data": ("files/*",)},
)
