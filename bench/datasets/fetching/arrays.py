"""What the `dataset` stage leaves: a file of arrays for each half, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path

from bench.console.text import counted
from bench.datasets.model import Images
from bench.errors import DataError
from contract.arrays import save_npz
from contract.stages.dataset import DatasetSpec


def check(spec: DatasetSpec, half: str, found: Images) -> None:
    """Raise `DataError` for arrays of the `train` or `test` half that are not what `spec` says."""
    count = spec.train_images if half == "train" else spec.test_images
    images, labels = found.images, found.labels
    kind = "int8" if spec.quantization.signed else "uint8"
    problem = ""
    if images.shape != (count, *spec.shape) or images.dtype != kind:
        declared = f"{kind} {[count, *spec.shape]}"
        problem = f"images are {images.dtype} {list(images.shape)}, declared as {declared}"
    elif labels is None:
        problem = "images have no labels" if spec.classes else ""
    elif labels.shape != (count,) or labels.dtype != "uint8":
        problem = f"labels are {labels.dtype} {list(labels.shape)} for {counted(count, 'image')}"
    elif labels.max() >= spec.classes:
        known = counted(spec.classes, "class is", "classes are")
        problem = f"labels go up to {labels.max()}, and {known} declared"
    if problem:
        of = "training" if half == "train" else half
        raise DataError(
            f"{spec.name}: its {of} {problem}.", "Correct the declaration of the data set."
        )


def save(half: str, found: Images, outputs: Path) -> None:
    """Write `<half>.npz` with `images`, and with `labels` if there are."""
    labels = {} if found.labels is None else {"labels": found.labels}
    save_npz(outputs / f"{half}.npz", images=found.images, **labels)


def save_metrics(spec: DatasetSpec, outputs: Path) -> None:
    """Write `metrics.json`, which the arrays were checked against."""
    metrics = dict(zip(("channels", "height", "width"), spec.shape, strict=True)) | {
        "quantization": spec.quantization.to_json(),
        "classes": spec.classes,
        "train_images": spec.train_images,
        "test_images": spec.test_images,
    }
    text = json.dumps(metrics, indent=1, sort_keys=True, allow_nan=False)
    (outputs / "metrics.json").write_text(text + "\n", encoding="utf-8")
