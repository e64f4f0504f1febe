"""Images and labels of a data set, resized and held in memory as tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from contract.arrays import ArraysError, load_npz
from contract.stages.dataset import PIXELS, Quantization, resized
from contract.text import counted
from stagekit import StageError

REMEDY = (
    "Remove the stored data set ('bench store verify' names damaged artifacts) and fetch it again."
)


@dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 or int8 [N, C, H, W], or [N, F] for networks that take flat arrays.
        labels: int64 [N], in 0..classes-1.
    """

    images: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> Split:
        """The first `count` images."""
        return Split(self.images[:count], self.labels[:count])


@dataclass(frozen=True)
class Findings:
    """What the `dataset` stage found.

    Attributes:
        classes: How many.
        channels, height, width: Of an image, before it is resized.
        quantization: What the numbers in images stand for.
    """

    classes: int
    channels: int
    height: int
    width: int
    quantization: Quantization = PIXELS

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of an image, before it is resized."""
        return self.channels, self.height, self.width

    @property
    def size(self) -> str:
        """The shape in words: `3x32x32`."""
        return "x".join(map(str, self.shape))

    def __str__(self) -> str:
        """In words."""
        numbers = self.quantization
        kind = f"{numbers.datatype}, scale {numbers.scale:.6g}, zero point {numbers.zero_point}"
        return f"{counted(self.classes, 'class', 'classes')} of {self.size} images ({kind})"

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Findings:
        """From a mapping with at least its fields.

        Raises:
            ValueError, KeyError, TypeError: It is none.
        """
        return cls(
            classes=int(data["classes"]),
            channels=int(data["channels"]),
            height=int(data["height"]),
            width=int(data["width"]),
            quantization=Quantization.from_json(data["quantization"]),
        )


def read_findings(folder: Path) -> Findings:
    """What `metrics.json` of the data set in `folder` says."""
    path = folder / "metrics.json"
    try:
        return Findings.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(f"{path.name} of the data set is unusable: {error!r}.", REMEDY) from error


def read_split(
    folder: Path, name: str, findings: Findings, image_size: int, *, flat: bool
) -> Split:
    """Read `<name>.npz` from `folder`.

    Args:
        folder: The data set.
        name: "train" or "test".
        findings: What the images have to be.
        image_size: Height and width in pixels to which the images are resized; see
            `contract.stages.dataset.resized`.
        flat: Whether an image is to become a row of pixels, channel by channel.

    Raises:
        StageError: The file is missing or damaged, or its arrays do not fit each other.
    """
    try:
        images, labels = load_npz(folder / f"{name}.npz", ("images", "labels"))
    except ArraysError as error:
        raise StageError(f"{error}.", REMEDY) from error
    _check(images, labels, name, findings)
    wanted = resized(findings.shape, image_size)
    images = images.copy() if wanted == findings.shape else resize(images, *wanted[1:])
    return Split(
        torch.from_numpy(images.reshape(len(images), -1) if flat else images),
        torch.from_numpy(labels.astype(np.int64)),
    )


def _check(
    images: npt.NDArray[np.generic],
    labels: npt.NDArray[np.generic],
    name: str,
    findings: Findings,
) -> None:
    kind = np.dtype(np.int8 if findings.quantization.signed else np.uint8)
    wanted: Sequence[tuple[bool, str]] = (
        (images.dtype == kind and images.ndim == 4, f"are not {kind} [N, C, H, W]"),
        (images.size > 0, "are missing"),
        (
            images.shape[1:] == findings.shape,
            f"are not of {findings.size}",
        ),
    )
    for holds, problem in wanted:
        if not holds:
            shape = f"{images.dtype} {list(images.shape)}"
            raise StageError(f"The images of the {name} set {problem}: {shape}.", REMEDY)
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise StageError(
            f"The {name} set has {counted(len(images), 'image')} but labels {labels.dtype} "
            f"{list(labels.shape)}.",
            REMEDY,
        )
    largest = int(labels.astype(np.int64).max())
    if largest >= findings.classes:
        raise StageError(
            f"The {name} set has label {largest}, its "
            f"{counted(findings.classes, 'class ends', 'classes end')} at {findings.classes - 1}.",
            REMEDY,
        )


def resize(images: npt.NDArray[np.generic], height: int, width: int) -> npt.NDArray[np.generic]:
    """Resize with Pillow's bilinear filter, which is what torchvision's Resize does to an image.

    Args:
        images: uint8 [N, C, old height, old width].
        height: In pixels.
        width: In pixels.

    Returns:
        uint8 [N, C, height, width].

    Raises:
        StageError: The images have signed numbers, between which there are no pixels.
    """
    if images.dtype != np.uint8:
        raise StageError(
            f"Images of signed numbers cannot be resized to {height}x{width}.",
            "Give image_size = 0, which leaves them as they are.",
        )
    count, channels, *before = images.shape
    planes = images.reshape(count * channels, *before)
    scaled = np.empty((len(planes), height, width), dtype=np.uint8)
    for target, plane in zip(scaled, planes, strict=True):
        picture = Image.fromarray(plane).resize((width, height), Image.Resampling.BILINEAR)
        target[:] = np.asarray(picture)
    return scaled.reshape(count, channels, height, width)
