"""Reading and resizing images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from conftest import CLASSES, change_split, write_dataset
from contract.arrays import save_npz
from contract.stages.dataset import Quantization
from stagekit import StageError
from train_worker.data import Findings, Split, read_findings, read_split, resize

METRICS = {"classes": CLASSES, "channels": 1, "height": 12, "width": 12, "quantization": {}}
SIGNED = Quantization(datatype="INT8", scale=0.5)
FINDINGS = Findings(CLASSES, channels=1, height=12, width=12)


def test_findings_are_those_in_the_metrics(tmp_path: Path) -> None:
    quantization = {"datatype": "INT8", "scale": 0.5, "zero_point": 0}
    (tmp_path / "metrics.json").write_text(json.dumps({**METRICS, "quantization": quantization}))
    assert read_findings(tmp_path) == Findings(CLASSES, 1, 12, 12, SIGNED)


@pytest.fixture
def own_dataset(tmp_path: Path) -> Path:
    """A data set that the test may damage."""
    return write_dataset(tmp_path / "dataset", train_images=20, test_images=10)


def read(folder: Path, name: str = "test") -> Split:
    return read_split(folder, name, FINDINGS, 8, flat=True)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("flat", [True, False])
def test_images_and_labels_are_those_in_the_files(
    tmp_path: Path, channels: int, flat: bool
) -> None:
    images = np.arange(2 * channels * 9, dtype=np.uint8).reshape(2, channels, 3, 3)
    save_npz(tmp_path / "test.npz", images=images, labels=np.array([3, 1], dtype=np.uint8))
    split = read_split(tmp_path, "test", Findings(4, channels, 3, 3), image_size=3, flat=flat)
    wanted = images.reshape(2, -1) if flat else images
    assert torch.equal(split.images, torch.from_numpy(wanted))
    assert split.labels.tolist() == [3, 1]


def test_resizing_matches_pillow_on_each_image() -> None:
    images = np.random.default_rng(3).integers(0, 256, (5, 1, 28, 28), dtype=np.uint8)
    for small, image in zip(resize(images, 32, 32), images, strict=True):
        expected = np.asarray(Image.fromarray(image[0]).resize((32, 32), Image.Resampling.BILINEAR))
        assert small[0].tolist() == expected.tolist()


def test_resizing_of_colours_matches_pillow() -> None:
    images = np.random.default_rng(3).integers(0, 256, (4, 3, 20, 28), dtype=np.uint8)
    for small, image in zip(resize(images, 32, 32), images, strict=True):
        picture = Image.fromarray(image.transpose(1, 2, 0), mode="RGB")
        expected = np.asarray(picture.resize((32, 32), Image.Resampling.BILINEAR))
        assert small.transpose(1, 2, 0).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("image_size", "channels", "wanted"),
    [(0, 1, (1, 3, 5)), (0, 2, (2, 3, 5)), (4, 1, (1, 4, 4)), (4, 7, (7, 4, 4))],
)
def test_images_are_resized_unless_the_size_is_0(
    tmp_path: Path, image_size: int, channels: int, wanted: tuple[int, int, int]
) -> None:
    images = np.arange(2 * channels * 15, dtype=np.uint8).reshape(2, channels, 3, 5)
    save_npz(tmp_path / "test.npz", images=images, labels=np.array([3, 1], dtype=np.uint8))
    split = read_split(tmp_path, "test", Findings(4, channels, 3, 5), image_size, flat=False)
    assert split.images.shape == (2, *wanted)
    assert image_size or torch.equal(split.images, torch.from_numpy(images))


def test_features_are_never_resized(tmp_path: Path) -> None:
    features = np.arange(14, dtype=np.uint8).reshape(2, 7, 1, 1)
    save_npz(tmp_path / "test.npz", images=features, labels=np.array([3, 1], dtype=np.uint8))
    split = read_split(tmp_path, "test", Findings(4, 7, 1, 1), image_size=32, flat=True)
    assert torch.equal(split.images, torch.from_numpy(features.reshape(2, 7)))


def test_signed_images_are_taken_as_they_are(tmp_path: Path) -> None:
    images = np.arange(-9, 9, dtype=np.int8).reshape(2, 1, 3, 3)
    save_npz(tmp_path / "test.npz", images=images, labels=np.array([3, 1], dtype=np.uint8))
    findings = Findings(4, 1, 3, 3, SIGNED)
    split = read_split(tmp_path, "test", findings, image_size=0, flat=True)
    assert torch.equal(split.images, torch.from_numpy(images.reshape(2, 9)))
    with pytest.raises(StageError, match="signed numbers cannot be resized to 4x4") as caught:
        read_split(tmp_path, "test", findings, image_size=4, flat=True)
    assert "image_size = 0" in caught.value.remedy
    with pytest.raises(StageError, match=r"are not uint8 \[N, C, H, W\]: int8"):
        read_split(tmp_path, "test", Findings(4, 1, 3, 3), image_size=0, flat=True)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 and no more", b"\x93NUMPY"])
def test_file_that_is_missing_or_damaged(own_dataset: Path, content: bytes | None) -> None:
    (own_dataset / "test.npz").unlink()
    if content is not None:
        (own_dataset / "test.npz").write_bytes(content)
    with pytest.raises(StageError, match=r"test\.npz cannot be read") as caught:
        read(own_dataset)
    assert caught.value.remedy


def test_pickled_objects_are_not_loaded(own_dataset: Path) -> None:
    objects = np.array([{"a": 1}], dtype=object)
    np.savez(own_dataset / "test.npz", images=objects, labels=objects)
    with pytest.raises(StageError, match=r"test\.npz cannot be read"):
        read(own_dataset)


def test_counts_must_match(own_dataset: Path) -> None:
    change_split(own_dataset, "train", labels=np.zeros(19, dtype=np.uint8))
    with pytest.raises(StageError, match=r"20 images but labels uint8 \[19\]"):
        read(own_dataset, "train")


def test_label_beyond_the_classes(own_dataset: Path) -> None:
    change_split(own_dataset, "test", labels=np.full(10, CLASSES, dtype=np.uint8))
    with pytest.raises(StageError, match=f"label {CLASSES}, its {CLASSES} classes end"):
        read(own_dataset)


@pytest.mark.parametrize(
    ("shape", "kind", "complaint"),
    [
        ((0, 1, 12, 12), np.uint8, "are missing"),
        ((10, 1, 0, 12), np.uint8, "are missing"),
        ((10, 12, 12), np.uint8, r"are not uint8 \[N, C, H, W\]"),
        ((10, 1, 12, 12), np.float32, r"are not uint8 \[N, C, H, W\]"),
        ((10, 3, 12, 12), np.uint8, "are not of 1x12x12"),
    ],
)
def test_images_of_another_kind(
    own_dataset: Path, shape: tuple[int, ...], kind: type[np.generic], complaint: str
) -> None:
    change_split(
        own_dataset, "test", images=np.zeros(shape, kind), labels=np.zeros(shape[0], np.uint8)
    )
    with pytest.raises(StageError, match=f"images of the test set {complaint}"):
        read(own_dataset)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{",
        "{}",
        "[]",
        json.dumps({**METRICS, "classes": "many"}),
        json.dumps({**METRICS, "quantization": {"datatype": "FLOAT32"}}),
        json.dumps({**METRICS, "quantization": {"scale": 0}}),
        json.dumps({**METRICS, "quantization": 3}),
    ],
)
def test_findings_that_cannot_be_used(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(StageError, match=r"metrics\.json of the data set is unusable"):
        read_findings(tmp_path)
