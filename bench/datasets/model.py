"""The declaration of a data set, and the interface of its sources."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from contract.stages.dataset import PIXELS, DatasetSpec, Quantization

if TYPE_CHECKING:  # numpy takes long to import, and most commands look up a shape only
    import numpy as np
    import numpy.typing as npt


_MD5_DIGITS = 32


@dataclass(frozen=True)
class DataFile:
    """A published file of a data set.

    Attributes:
        name: Its name where it is published, without `.gz`.
        checksum: SHA-256 of the decompressed content, in hexadecimal. Where its publishers state no
            other, MD5: that protects from damage and from mixing files up, not from forgery.
        size: Bytes of the decompressed content.
    """

    name: str
    checksum: str
    size: int

    @property
    def algorithm(self) -> str:
        """Of the checksum, told by its length: `SHA-256` or `MD5`."""
        return "MD5" if len(self.checksum) == _MD5_DIGITS else "SHA-256"


class Reporter(Protocol):
    """Takes progress and the log of a fetch."""

    tools: dict[str, str]

    def progress(self, done: int, total: int, unit: str, text: str = "") -> None:
        """`done` of `total` `unit`s are done. Raises `Cancelled` after an interrupt."""

    def note(self, text: str) -> None:
        """Something a person should read; also logged."""

    def log(self, text: str) -> None:
        """A line for the log."""

    def check_cancelled(self) -> None:
        """Raise `Cancelled` when the run was interrupted; call it in every long loop."""

    def timed(self, name: str) -> AbstractContextManager[None]:
        """Add the seconds spent inside to the timing `name`."""


class SourceFailed(Exception):
    """A source failed; the message says why, in a few words."""


class Source(Protocol):
    """A place that may have the files of a data set."""

    @property
    def name(self) -> str:
        """Name for people, and for the manifest."""

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        """Yield `files` in their order, raw or gzipped, not yet checked; `scratch` is empty.

        Raises:
            SourceFailed: The source is not available from here.
            Cancelled: The run was interrupted.
        """


@dataclass(frozen=True)
class Images:
    """One half of a data set.

    Attributes:
        images: uint8 or int8 [N, C, H, W]; pixels are uint8.
        labels: uint8 [N]; None where only a trained model's outputs are compared.
    """

    images: npt.NDArray[np.uint8 | np.int8]
    labels: npt.NDArray[np.uint8] | None


Reader = Callable[[Path, Sequence[DataFile]], tuple[Images, Images]]
"""From a folder with the files, decompressed, under their names, to training and test images."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A data set of images and labels that grids may name.

    Attributes:
        name: As in grids.
        shape: Of an image: channels, height, width.
        classes: Number of classes; labels are 0..classes-1.
        train_images: Number of training images.
        test_images: Number of test images.
        sources: Where to look for the files, in this order.
        read: A function that reads the files.
        quantization: What the numbers in its images stand for.
        files_of: The data set whose folder of the user's holds the files; its own where not given.
        unpacked: The folder in which its published archive has the files, if it is one.
    """

    name: str
    shape: tuple[int, int, int]
    classes: int
    train_images: int
    test_images: int
    files: tuple[DataFile, ...]
    sources: tuple[Source, ...]
    read: Reader
    quantization: Quantization = PIXELS
    files_of: str = ""
    unpacked: str = ""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a declaration that cannot be used."""
        numbers = (*self.shape, self.classes, self.train_images, self.test_images)
        if len(self.shape) != 3 or min(numbers) < 1 or self.classes > 256:
            raise ValueError("shape is (C, H, W), classes are 1 to 256, and there are images")
        if not inspect.isfunction(self.read):
            raise ValueError(f"read is no function but {type(self.read).__name__}")

    @cached_property
    def spec(self) -> DatasetSpec:
        """The spec of the stage that fetches it."""
        module = Path(inspect.getfile(self.read))
        return DatasetSpec(
            name=self.name,
            shape=self.shape,
            classes=self.classes,
            train_images=self.train_images,
            test_images=self.test_images,
            checksums=tuple((file.name, file.checksum) for file in self.files),
            reader=hashlib.sha256(module.read_bytes()).hexdigest(),
            quantization=self.quantization,
        )
