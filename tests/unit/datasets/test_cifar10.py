"""CIFAR-10's files, made small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.datasets.cifar10 import DATASET, read
from bench.errors import DataError

GENERATOR = np.random.default_rng(4)


def record(label: int, red: int, green: int, blue: int) -> bytes:
    """A record whose first row is brighter by one."""
    planes = [bytes([value + 1]) * 32 + bytes([value]) * 31 * 32 for value in (red, green, blue)]
    return bytes([label]) + b"".join(planes)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, file in enumerate(DATASET.files):
        content = record(number, 10 * number, 100, 200) + record(9, 1, 2, 3)
        (tmp_path / file.name).write_bytes(content)
    return tmp_path


def test_records_become_images_of_three_channels(folder: Path) -> None:
    train, test = read(folder, DATASET.files)
    assert (train.images.shape, test.images.shape) == ((10, 3, 32, 32), (2, 3, 32, 32))
    assert train.labels is not None
    assert test.labels is not None
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert test.labels.tolist() == [5, 9]
    assert train.images[4, :, 0, 0].tolist() == [21, 101, 201]
    assert train.images[4, :, 0, 31].tolist() == [21, 101, 201]
    assert train.images[4, :, 1, 0].tolist() == [20, 100, 200]
    assert test.images[1, :, 31, 31].tolist() == [1, 2, 3]


@pytest.mark.parametrize("content", [b"", record(1, 2, 3, 4)[:-1], record(1, 2, 3, 4) + b"\x00"])
def test_a_file_that_is_no_multiple_of_records(folder: Path, content: bytes) -> None:
    (folder / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(DataError, match=r"batch_3\.bin has [\d,]+ bytes, no multiple of 3,073"):
        read(folder, DATASET.files)


def test_the_declaration_is_of_the_published_files() -> None:
    assert [file.name for file in DATASET.files][-1] == "test_batch.bin"
    assert {file.size for file in DATASET.files} == {30_730_000}
    assert {file.algorithm for file in DATASET.files} == {"SHA-256"}
    assert (DATASET.train_images, DATASET.test_images) == (50_000, 10_000)
