"""Networks that are compiled once and simulated in many tests."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.infer_shapes import InferShapes

from compile_stage import compile_export
from contract.finn.simulate import STAGE as SIMULATE
from contract.finn.size import STAGE as SIZE
from contract.stage import Stage
from finn_worker import steps, streamlining
from finn_worker.simulate import simulate
from finn_worker.size import size
from quantized_cnn import QuantizedCNN
from quantized_mlp import QuantizedMLP
from stage_runs import Ran, new_request, run
from stagekit import Request, WrongResult

IMAGES = 20
# Two balanced layers in a row: the second one's FIFO has to bridge a good part of an image.
SIZES = (64, 64, 64, 8, 4)
FOLDING = [[2, 1], [1, 2], [1, 1], [4, 2]]
II = 2048  # the first layer's, 64 x 64 / 2, and the second layer's


@dataclass
class Bench:
    """A compiled network, and folders to simulate it in."""

    mlp: QuantizedMLP | QuantizedCNN
    folder: Path
    export: Path
    compiled: Path

    def size(self, compiled: Path | None = None) -> Path:
        """The outputs of the size stage, run once for each compilation."""
        name = f"size-{(compiled or self.compiled).name}"
        outputs = self.folder / name / "outputs"
        if not outputs.exists():
            run(size, self.request(name, compiled, SIZE))
        return outputs

    def request(
        self, name: str, compiled: Path | None = None, stage: Stage = SIMULATE, **spec: Any
    ) -> Request:
        """A request for a stage, with new folders and the shared cache."""
        inputs = {"export": self.export, "compile": compiled or self.compiled}
        if "size" in stage.needs:
            inputs["size"] = self.size()
        usual = {"images": IMAGES, "exact": False, "trace_images": 0} if stage is SIMULATE else {}
        return new_request(self.folder / name, stage, usual | spec, inputs, self.folder / "cache")

    def finding(
        self, name: str, compiled: Path | None = None, **spec: Any
    ) -> tuple[dict[str, Any], str]:
        """Metrics and reason of one run of the stage that has to end in a wrong result."""
        with pytest.raises(WrongResult) as caught:
            self.run(name, compiled, **spec)
        metrics = json.loads((self.folder / name / "outputs" / "metrics.json").read_text())
        return metrics, str(caught.value)

    def run(self, name: str, compiled: Path | None = None, **spec: Any) -> Ran:
        """Run the simulate stage."""
        return run(simulate, self.request(name, compiled, **spec))

    def variant(self, name: str, change: Callable[[Path], None]) -> Path:
        """A copy of the compiled network, changed."""
        copy = self.folder / name
        shutil.copytree(self.compiled, copy)
        change(copy / "rtl")
        return copy


def dataflow_of(model: ModelWrapper, folder: Path) -> ModelWrapper:
    """The graph of hardware layers, before anything is folded; `folder` takes files of FINN's."""
    model = steps.tidy_up(steps.qonnx_to_finn(model.transform(InferShapes())))
    return steps.partition(steps.convert_to_hardware(streamlining.streamline(model)), folder)


def compile_network(
    folder: Path,
    sizes: tuple[int, ...],
    folding: list[list[int]],
    weight_bits: int = 3,
    act_bits: int = 2,
    **changes: Any,
) -> Bench:
    """Export and compile a random network."""
    mlp = QuantizedMLP(sizes, weight_bits, act_bits=act_bits)
    export = mlp.export(folder / "export")
    predictions = mlp.logits.argmax(axis=1)
    # Labels of which a known share is right
    labels = np.where(np.arange(IMAGES) % 4 == 0, (predictions + 1) % 4, predictions)
    np.savez(
        export / "test_set.npz",
        images=mlp.images,
        labels=labels.astype(np.uint8),
        predictions=predictions,
    )
    return compile_exported(mlp, folder, export, folding, **changes)


def compile_cnn(folder: Path, cnn: QuantizedCNN, folding: list[list[int]], **changes: Any) -> Bench:
    """Export and compile a convolutional network."""
    return compile_exported(cnn, folder, cnn.export(folder / "export"), folding, **changes)


def compile_exported(
    network: QuantizedMLP | QuantizedCNN,
    folder: Path,
    export: Path,
    folding: list[list[int]] | None,
    **changes: Any,
) -> Bench:
    """Compile a network whose export is there."""
    outcome = compile_export(folder / "compile", export, folding=folding, **changes)
    return Bench(network, folder, export, outcome.outputs)
