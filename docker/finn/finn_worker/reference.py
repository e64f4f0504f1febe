"""What the accelerator should compute: the streamlined model, executed on the same images.

`python -m finn_worker.reference MODEL IMAGES.npy OUTPUTS.npy` does a part of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx

from finn_worker import toolchain
from finn_worker.images import FLAT
from finn_worker.verification import HARDWARE, with_batch
from stagekit import StageError

# Images at a time: an 8-bit activation layer compares each of its inputs with 255 thresholds.
BATCH = 500
BATCH_OF_WINDOWS = 16

# Seconds of work that is worth another process, which takes two to start.
WORTH = 20.0

Integers = npt.NDArray[np.int64]


def accelerator_outputs(
    path: Path,
    images: npt.NDArray[Any],
    progress: Callable[[int], None],
    processes: int = 1,
) -> Integers:
    """The integers [N, C] that the streamlined model hands to the host's scale and bias.

    Args:
        path: `streamlined.onnx` of the compile stage.
        images: [N, F] or [N, C, H, W].
        progress: Called with the number of images done.
        processes: At a time; what is computed does not depend on it.

    Raises:
        StageError: They are not integers.
    """
    first = BATCH if images.ndim == FLAT else BATCH_OF_WINDOWS
    start = time.monotonic()
    floats = [_execute(path, images[:first], progress)]
    expected = (time.monotonic() - start) * len(images) / first
    shared = processes if len(images) > first and expected > WORTH else 1
    floats += _share(path, images[first:], lambda done: progress(first + done), shared)
    return _as_integers(np.concatenate(floats))


def _share(
    path: Path, images: npt.NDArray[Any], progress: Callable[[int], None], processes: int
) -> list[npt.NDArray[np.float32]]:
    """Outputs of `images` in parts: the first here, the others each in a process of its own."""
    if not len(images):
        return []
    first, *others = np.array_split(images, processes)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        files, started = [], []
        for number, part in enumerate(others):
            source, target = folder / f"images-{number}.npy", folder / f"outputs-{number}.npy"
            np.save(source, part)
            command = [sys.executable, "-m", __name__, str(path), str(source), str(target)]
            process = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            files.append(target)
            started.append(process)
        # The others keep pace with this one.
        found = [_execute(path, first, lambda done: progress(min(done * processes, len(images))))]
        if any(process.wait() for process in started):
            raise StageError(
                "The streamlined model could not be executed in a process of its own.",
                "Run the stage again with more memory; the log says what happened.",
            )
        found += [np.load(file) for file in files]
    progress(len(images))
    return found


def _execute(
    path: Path, images: npt.NDArray[Any], progress: Callable[[int], None]
) -> npt.NDArray[np.float32]:
    model = ModelWrapper(str(path))
    if any(node.domain.startswith(HARDWARE) for node in model.graph.node):
        toolchain.import_layers()  # the sum over an image is one before all others are
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
    return np.concatenate(outputs)


def _as_integers(floats: npt.NDArray[np.float32]) -> Integers:
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


def _main(arguments: Sequence[str]) -> None:
    model, images, outputs = map(Path, arguments)
    np.save(outputs, _execute(model, np.load(images), lambda _: None))


if __name__ == "__main__":
    _main(sys.argv[1:])
