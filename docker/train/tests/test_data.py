"""Reading and resizing images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import CLASSES, write_dataset, write_idx
from stagekit import StageError
from train_worker.data import read_classes, read_idx, read_split, resize


@pytest.fixture
def own_dataset(tmp_path: Path) -> Path:
    """A data set that the test may damage."""
    return write_dataset(tmp_path / "dataset", train_images=20, test_images=10)


def test_images_and_labels_are_those_in_the_files(tmp_path: Path) -> None:
    images = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    write_idx(tmp_path / "test-images.idx", images)
    write_idx(tmp_path / "test-labels.idx", np.array([3, 1], dtype=np.uint8))
    split = read_split(tmp_path, "test", classes=4, image_size=3)
    assert split.images.tolist() == images.reshape(2, 9).tolist()
    assert split.labels.tolist() == [3, 1]


def test_resizing_matches_pillow_on_each_image() -> None:
    images = np.random.default_rng(3).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    for row, image in zip(resize(images, 32), images, strict=True):
        expected = np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR))
        assert row.reshape(32, 32).tolist() == expected.tolist()


def test_missing_file(own_dataset: Path) -> None:
    (own_dataset / "test-labels.idx").unlink()
    with pytest.raises(StageError, match=r"test-labels\.idx cannot be read") as caught:
        read_split(own_dataset, "test", CLASSES, 8)
    assert caught.value.remedy


@pytest.mark.parametrize("change", [-1, 1])
def test_length_must_be_as_announced(own_dataset: Path, change: int) -> None:
    path = own_dataset / "train-images.idx"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0")
    with pytest.raises(StageError, match=f"holds {len(content) + change} bytes.*{len(content)}"):
        read_split(own_dataset, "train", CLASSES, 8)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0", b"\0\0\x08\x03\0\0\0\x01", b"\x1f\x8b\x08\0" * 8, b"\0\0\x0d\x03" + bytes(12)],
    ids=["empty", "two bytes", "half a header", "gzip", "float values"],
)
def test_not_an_idx_file_of_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train-images.idx"
    path.write_bytes(content)
    with pytest.raises(StageError, match="no IDX file of unsigned bytes"):
        read_idx(path, 3)


def test_counts_must_match(own_dataset: Path) -> None:
    write_idx(own_dataset / "train-labels.idx", np.zeros(19, dtype=np.uint8))
    with pytest.raises(StageError, match="20 images but 19 labels"):
        read_split(own_dataset, "train", CLASSES, 8)


def test_label_beyond_the_classes(own_dataset: Path) -> None:
    write_idx(own_dataset / "test-labels.idx", np.full(10, CLASSES, dtype=np.uint8))
    with pytest.raises(StageError, match=f"label {CLASSES}, its {CLASSES} classes end"):
        read_split(own_dataset, "test", CLASSES, 8)


@pytest.mark.parametrize("shape", [(0, 12, 12), (10, 0, 12)])
def test_empty_set(own_dataset: Path, shape: tuple[int, int, int]) -> None:
    write_idx(own_dataset / "test-images.idx", np.zeros(shape, dtype=np.uint8))
    write_idx(own_dataset / "test-labels.idx", np.zeros(shape[0], dtype=np.uint8))
    with pytest.raises(StageError, match="test set is empty"):
        read_split(own_dataset, "test", CLASSES, 8)


@pytest.mark.parametrize("text", [None, "{", "{}", "[]", json.dumps({"classes": "many"})])
def test_number_of_classes_unknown(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(StageError, match=r"metrics\.json of the data set is unusable"):
        read_classes(tmp_path)
