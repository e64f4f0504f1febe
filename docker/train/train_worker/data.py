"""Images and labels of a data set, resized and held in memory as tensors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from contract.arrays import ArraysError, load_npz
from stagekit import StageError

REMEDY = (
    "Remove the stored data set ('bench store verify' names damaged artifacts) and fetch it again."
)


@dataclass(frozen=True)
class Split:
    """Images with their labels.

    Attributes:
        images: uint8 [N, C, H, W], or [N, F] for networks that take flat arrays; 0..255.
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
    """Numbers of classes and image channels, as the `dataset` stage counted them."""

    classes: int
    channels: int


def read_findings(folder: Path) -> Findings:
    """The numbers in `metrics.json` of the data set in `folder`."""
    path = folder / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        return Findings(int(metrics["classes"]), int(metrics["channels"]))
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
        image_size: Height and width in pixels to which the images are resized.
        flat: Whether an image is to become a row of pixels, channel by channel.

    Raises:
        StageError: The file is missing or damaged, or its arrays do not fit each other.
    """
    try:
        images, labels = load_npz(folder / f"{name}.npz", ("images", "labels"))
    except ArraysError as error:
        raise StageError(f"{error}.", REMEDY) from error
    _check(images, labels, name, findings)
    resized = resize(images.astype(np.uint8, copy=False), image_size)
    return Split(
        torch.from_numpy(resized.reshape(len(resized), -1) if flat else resized),
        torch.from_numpy(labels.astype(np.int64)),
    )


def _check(
    images: npt.NDArray[np.generic],
    labels: npt.NDArray[np.generic],
    name: str,
    findings: Findings,
) -> None:
    wanted: Sequence[tuple[bool, str]] = (
        (images.dtype == np.uint8 and images.ndim == 4, "are not uint8 [N, C, H, W]"),
        (images.size > 0, "are missing"),
        (images.shape[1:2] == (findings.channels,), f"do not have {findings.channels} channels"),
    )
    for holds, problem in wanted:
        if not holds:
            shape = f"{images.dtype} {list(images.shape)}"
            raise StageError(f"The images of the {name} set {problem}: {shape}.", REMEDY)
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise StageError(
            f"The {name} set has {len(images)} images but labels {labels.dtype} "
            f"{list(labels.shape)}.",
            REMEDY,
        )
    largest = int(labels.astype(np.int64).max())
    if largest >= findings.classes:
        raise StageError(
            f"The {name} set has label {largest}, its {findings.classes} classes end at "
            f"{findings.classes - 1}.",
            REMEDY,
        )


def resize(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Resize with Pillow's bilinear filter, which is what torchvision's Resize does to an image.

    Args:
        images: [N, C, height, width].
        size: New height and width in pixels.

    Returns:
        [N, C, size, size].
    """
    count, channels, *before = images.shape
    if before == [size, size]:
        return images.copy()
    planes = images.reshape(count * channels, *before)
    resized = np.empty((len(planes), size, size), dtype=np.uint8)
    for target, plane in zip(resized, planes, strict=True):
        scaled = Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR)
        target[:] = np.asarray(scaled)
    return resized.reshape(count, channels, size, size)
