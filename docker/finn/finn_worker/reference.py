"""What the accelerator should compute: the streamlined model, executed on the same images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from finn_worker.images import FLAT
from finn_worker.verification import with_batch
from stagekit import StageError

# Images at a time: an 8-bit activation layer compares each of its inputs with 255 thresholds.
BATCH = 500
BATCH_OF_WINDOWS = 16

Integers = npt.NDArray[np.int64]


def accelerator_outputs(
    path: Path, images: npt.NDArray[Any], progress: Callable[[int], None]
) -> Integers:
    """The integers [N, C] that the streamlined model hands to the host's scale and bias.

    Args:
        path: `streamlined.onnx` of the compile stage.
        images: [N, F] or [N, C, H, W].
        progress: Called with the number of images done.

    Raises:
        StageError: They are not integers.
    """
    model = ModelWrapper(str(path))
    name = _before_host(model)
    outputs = []
    batched, size = model, 0
    at_once = BATCH if images.ndim == FLAT else BATCH_OF_WINDOWS
    for start in range(0, len(images), at_once):
        chunk = images[start : start + at_once].astype(np.float32)
        if len(chunk) != size:
            batched, size = with_batch(model, len(chunk)), len(chunk)
        context = execute_onnx(batched, {batched.graph.input[0].name: chunk}, True)
        outputs.append(context[name].reshape(len(chunk), -1))
        progress(start + len(chunk))
    floats = np.concatenate(outputs)
    integers = floats.astype(np.int64)
    if not np.array_equal(integers, floats):
        raise StageError(
            "The streamlined model's last layer does not give integers.",
            "The network cannot run on the accelerator as it was streamlined; report it.",
        )
    return integers


def _before_host(model: ModelWrapper) -> str:
    """The tensor before the final scale and bias."""
    name = str(model.graph.output[0].name)
    while True:
        node = model.find_producer(name)
        if node is None or node.op_type not in {"Add", "Mul"}:
            return name
        name = next(i for i in node.input if model.get_initializer(i) is None)
