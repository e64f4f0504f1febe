"""What a data set is, and what its sources must offer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.runners.host import HostReporter


@dataclass(frozen=True)
class DataFile:
    """One IDX file of a data set.

    Attributes:
        name: Its name in the artifact, e.g. `train-images.idx`.
        published: Its name where it is published, without `.gz`.
        sha256: SHA-256 of the decompressed content, in hexadecimal.
        size: Bytes of the decompressed content.
    """

    name: str
    published: str
    sha256: str
    size: int


class SourceFailed(Exception):
    """A source did not deliver; the message says why, in a few words."""


class Source(Protocol):
    """A place that may hold the files of a data set."""

    @property
    def name(self) -> str:
        """Name for people, and for the manifest."""

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: HostReporter
    ) -> Iterator[Path]:
        """The files one by one in the order asked for, raw or gzipped, not yet checked.

        Args:
            files: What is wanted.
            scratch: Empty folder for the source's own use.
            reporter: Told how far it is.

        Raises:
            SourceFailed: It cannot be had from here.
            Cancelled: The run was interrupted.
        """


@dataclass(frozen=True)
class Dataset:
    """A data set of images and labels in IDX format.

    Attributes:
        files: Its files: training images and labels, test images and labels.
        sources: Where to look for them, in this order.
    """

    files: tuple[DataFile, ...]
    sources: tuple[Source, ...]


TRAIN_IMAGES = "train-images.idx"
TRAIN_LABELS = "train-labels.idx"
TEST_IMAGES = "test-images.idx"
TEST_LABELS = "test-labels.idx"
