"""CIFAR-10: photographs of animals and vehicles. A. Krizhevsky, V. Nair, G. Hinton.

The binary version: a record is one byte of label and 3,072 of pixels, red, then green, then blue,
each row by row (https://www.cs.toronto.edu/~kriz/cifar.html). The second place is a mirror of Swift
for TensorFlow. The checksums are those in the source of TorchVision for Ruby.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.datasets.fetching.web import WebArchive
from bench.datasets.model import DataFile, Dataset, Images
from bench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
_IN_A_FILE = 10_000
_ARCHIVE, _ARCHIVE_BYTES = "cifar-10-binary.tar.gz", 170_052_171
_FOLDER = "cifar-10-batches-bin"
_CHECKSUMS = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
_PLACES = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",
)


def read(folder: Path, files: Sequence[DataFile]) -> tuple[Images, Images]:
    """The images and labels in the files, of which the last has those for testing.

    Raises:
        DataError: A file is not one of records.
    """
    import numpy as np  # noqa: PLC0415

    *train, test = (_records(folder / file.name) for file in files)
    return _images(np.concatenate(train)), _images(test)


def _records(path: Path) -> npt.NDArray[np.uint8]:
    """The records in a file, [N, bytes of one]."""
    import numpy as np  # noqa: PLC0415

    content = path.read_bytes()
    if not content or len(content) % _RECORD:
        raise DataError(
            f"{path.name} has {len(content):,} bytes, no multiple of {_RECORD:,}.",
            "Correct the declaration of this data set: it names another kind of file.",
        )
    return np.frombuffer(content, np.uint8).reshape(-1, _RECORD)


def _images(records: npt.NDArray[np.uint8]) -> Images:
    return Images(records[:, 1:].reshape(-1, *_SHAPE), records[:, 0].copy())


DATASET = Dataset(
    name="CIFAR-10",
    shape=_SHAPE,
    classes=10,
    train_images=5 * _IN_A_FILE,
    test_images=_IN_A_FILE,
    files=tuple(
        DataFile(name, checksum, _IN_A_FILE * _RECORD) for name, checksum in _CHECKSUMS.items()
    ),
    sources=tuple(WebArchive(place + _ARCHIVE, _FOLDER, _ARCHIVE_BYTES) for place in _PLACES),
    read=read,
    unpacked=_FOLDER,
)
