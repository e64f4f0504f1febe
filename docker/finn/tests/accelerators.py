"""Networks that are compiled once and simulated in many tests."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compile_stage import SPEC
from finn_worker.compile import compile_model
from finn_worker.simulate import simulate
from finn_worker.size import size
from quantized_cnn import QuantizedCNN
from quantized_mlp import QuantizedMLP
from stagekit import Reporter, Request, WrongResult

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
            request = self.request(name, compiled, stage="size")
            size(replace(request, spec={}), Reporter(io.StringIO()))
        return outputs

    def request(
        self, name: str, compiled: Path | None = None, stage: str = "simulate", **spec: Any
    ) -> Request:
        """A request for the simulate stage, with new folders and the shared cache."""
        inputs = {"export": self.export, "compile": compiled or self.compiled}
        if stage == "simulate":
            inputs["size"] = self.size() if compiled is None else self.size(self.compiled)
        request = Request(
            stage=stage,
            spec={"images": IMAGES, "exact": False, "trace_images": 0} | spec,
            inputs=inputs,
            outputs=self.folder / name / "outputs",
            scratch=self.folder / name / "scratch",
            cache=self.folder / "cache",
            cpus=2,
            result=self.folder / name / "result.json",
        )
        for path in (request.outputs, request.scratch):
            path.mkdir(parents=True)
        return request

    def finding(
        self, name: str, compiled: Path | None = None, **spec: Any
    ) -> tuple[dict[str, Any], str]:
        """Metrics and reason of one run of the stage that has to end in a wrong result."""
        with pytest.raises(WrongResult) as caught:
            self.run(name, compiled, **spec)
        metrics = json.loads((self.folder / name / "outputs" / "metrics.json").read_text())
        return metrics, str(caught.value)

    def run(
        self, name: str, compiled: Path | None = None, **spec: Any
    ) -> tuple[Path, dict[str, Any], str]:
        """Outputs, metrics and events of one run of the stage."""
        request = self.request(name, compiled, **spec)
        events = io.StringIO()
        simulate(request, Reporter(events))
        metrics = json.loads((request.outputs / "metrics.json").read_text())
        return request.outputs, metrics, events.getvalue()

    def variant(self, name: str, change: Callable[[Path], None]) -> Path:
        """A copy of the compiled network, changed."""
        copy = self.folder / name
        shutil.copytree(self.compiled, copy)
        change(copy / "rtl")
        return copy


def compile_network(
    folder: Path,
    sizes: tuple[int, ...],
    folding: list[list[int]],
    weight_bits: int = 3,
    **changes: Any,
) -> Bench:
    """Export and compile a random network."""
    mlp = QuantizedMLP(sizes, weight_bits, act_bits=2)
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
    compiled, scratch = folder / "compile", folder / "compile-scratch"
    compiled.mkdir()
    scratch.mkdir()
    request = Request(
        stage="compile",
        spec=SPEC | {"folding": folding} | changes,
        inputs={"export": export},
        outputs=compiled,
        scratch=scratch,
        cache=scratch,
        cpus=2,
        result=scratch / "result.json",
    )
    compile_model(request, Reporter(io.StringIO()))
    return Bench(network, folder, export, compiled)
