"""GTSRB's archives, made small."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.gtsrb import DATASET, read
from bench.errors import DataError

GENERATOR = np.random.default_rng(6)
TRAINING, TEST, CLASSES = (file.name for file in DATASET.files)
HEADINGS = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2"
IN_TRAINING, IN_TEST = "GTSRB/Final_Training/Images", "GTSRB/Final_Test/Images"

Entries = dict[str, bytes]


def picture(width: int, height: int) -> bytes:
    """A PPM file of random colours."""
    pixels = GENERATOR.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return f"P6\n{width} {height}\n255\n".encode() + pixels.tobytes()


def table(*rows: tuple[str, int]) -> bytes:
    lines = [f"{HEADINGS};ClassId", *(f"{name};29;30;5;6;24;25;{label}" for name, label in rows)]
    return "\r\n".join(lines).encode()


@pytest.fixture
def archives() -> dict[str, Entries]:
    """Two classes of two and one training pictures, and three test pictures."""
    return {
        TRAINING: {
            "GTSRB/Readme-Images.txt": b"Read me",
            f"{IN_TRAINING}/00042/00000_00000.ppm": picture(15, 16),
            f"{IN_TRAINING}/00042/GT-00042.csv": table(("00000_00000.ppm", 42)),
            f"{IN_TRAINING}/00000/00000_00001.ppm": picture(40, 31),
            f"{IN_TRAINING}/00000/00000_00000.ppm": picture(32, 32),
            f"{IN_TRAINING}/00000/GT-00000.csv": table(
                ("00000_00000.ppm", 0), ("00000_00001.ppm", 0)
            ),
        },
        TEST: {
            f"{IN_TEST}/00000.ppm": picture(53, 54),
            f"{IN_TEST}/00001.ppm": picture(42, 45),
            f"{IN_TEST}/00002.ppm": picture(48, 52),
            f"{IN_TEST}/GT-final_test.test.csv": f"{HEADINGS}\n00000.ppm;1;1;1;1;1;1".encode(),
        },
        CLASSES: {
            "GT-final_test.csv": table(("00000.ppm", 16), ("00001.ppm", 1), ("00002.ppm", 38))
        },
    }


def write(folder: Path, archives: dict[str, Entries]) -> Path:
    for name, entries in archives.items():
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            for entry, content in entries.items():
                archive.writestr(entry, content)
    return folder


def resized(content: bytes) -> list[list[list[int]]]:
    small = Image.open(io.BytesIO(content)).resize((32, 32), Image.Resampling.BILINEAR)
    channels: list[list[list[int]]] = np.asarray(small).transpose(2, 0, 1).tolist()
    return channels


def test_pictures_are_resized_and_have_the_classes_of_the_tables(
    tmp_path: Path, archives: dict[str, Entries]
) -> None:
    train, test = read(write(tmp_path, archives), DATASET.files)
    assert train.labels is not None
    assert test.labels is not None
    assert train.labels.tolist() == [0, 0, 42]
    assert test.labels.tolist() == [16, 1, 38]
    assert (train.images.dtype, train.images.shape) == (np.uint8, (3, 3, 32, 32))
    assert train.images[1].tolist() == resized(
        archives[TRAINING][f"{IN_TRAINING}/00000/00000_00001.ppm"]
    )
    assert test.images[2].tolist() == resized(archives[TEST][f"{IN_TEST}/00002.ppm"])


def without(name: str, entry: str) -> Callable[[dict[str, Entries]], None]:
    return lambda archives: archives[name].pop(entry) and None


def replaced(name: str, entry: str, content: bytes) -> Callable[[dict[str, Entries]], None]:
    return lambda archives: archives[name].update({entry: content})


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (without(TEST, f"{IN_TEST}/00001.ppm"), "00001.ppm cannot be used"),
        (
            replaced(TEST, f"{IN_TEST}/00001.ppm", b"P6\n9 9\n255\nx"),
            f"{TEST}: {IN_TEST}/00001.ppm cannot be used",
        ),
        (replaced(TEST, f"{IN_TEST}/00001.ppm", b"GIF89a"), "00001.ppm cannot be used"),
        (
            replaced(TEST, f"{IN_TEST}/00001.ppm", b"P6\n2000 1\n255\n" + bytes(6000)),
            "it has (2000, 1) pixels",
        ),
        (
            replaced(CLASSES, "GT-final_test.csv", table(("00000.ppm", 43))),
            f"{TEST}: the archive cannot be used: it lists no pictures, or other classes",
        ),
        (replaced(CLASSES, "GT-final_test.csv", b"a;b\n1;2"), "GT-final_test.csv cannot be used"),
        (replaced(CLASSES, "GT-final_test.csv", table()), "lists no pictures"),
        (
            replaced(CLASSES, "GT-final_test.csv", table(("00000.ppm", 1)).replace(b";1", b";x")),
            "GT-final_test.csv cannot be used",
        ),
        (replaced(CLASSES, "GT-final_test.csv", b"\xff"), "GT-final_test.csv cannot be used"),
        (lambda archives: archives[TEST].clear(), f"{TEST}: 00000.ppm cannot be used"),
        (lambda archives: archives[TRAINING].clear(), f"{TRAINING}: the archive cannot be used"),
    ],
)
def test_what_is_damaged_is_named(
    tmp_path: Path,
    archives: dict[str, Entries],
    damage: Callable[[dict[str, Entries]], None],
    complaint: str,
) -> None:
    damage(archives)
    with pytest.raises(DataError) as caught:
        read(write(tmp_path, archives), DATASET.files)
    assert complaint in caught.value.what


def test_an_archive_that_is_none(tmp_path: Path, archives: dict[str, Entries]) -> None:
    (write(tmp_path, archives) / TRAINING).write_bytes(b"PK and no more")
    with pytest.raises(DataError, match=f"{TRAINING}: the archive cannot be used"):
        read(tmp_path, DATASET.files)


def test_the_declaration_is_of_the_final_sets() -> None:
    """Not of the smaller one of the competition's first stage, of 26,640 pictures."""
    assert (DATASET.train_images, DATASET.test_images, DATASET.classes) == (39_209, 12_630, 43)
    assert {file.algorithm for file in DATASET.files} == {"MD5"}
