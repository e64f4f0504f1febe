"""An npz file of a user's beside a grid, through training and RTL to the emulated board."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quadrants import CLASSES, GRID, IMAGES, quadrants
from real_runs import Bench

STEP = 1 / 8
NETWORK = """
from bench.networks import Network
from contract.architecture import *

NETWORK = Network(
    name="Small",
    architecture=Architecture(
        layers=(
            ScalePixels(), Conv2d(6, kernel=3, padding=1), BatchNorm(), HardTanh(),
            MaxPool(kernel=2, stride=2), Flatten(), Linear(CLASSES), BatchNorm(),
        ),
    ),
)
"""


def write_data(path: Path, **changed: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Images [N, H, W, C] of two channels and 4 signed bits; gives the test images."""
    arrays = quadrants((2, 6, 8), range(-8, 0), brighter=8) | changed
    for name in ("x_train", "x_test"):
        arrays[name] = (arrays[name].transpose(0, 2, 3, 1) * STEP).astype(np.float32)
    np.savez(path, **arrays, x_scale=STEP, x_datatype="INT4")
    return arrays["x_test"]


def test_signed_images_that_are_not_square_go_all_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "extensions").mkdir()
    (tmp_path / "extensions" / "small.py").write_text(NETWORK)
    monkeypatch.setenv("BENCH_EXTENSIONS", str(tmp_path / "extensions"))
    values = write_data(tmp_path / "mine.npz")
    grid = tmp_path / "own.toml"
    grid.write_text(GRID.format(network="Small", dataset="mine.npz", image_size=0, fps=20_000))
    bench = Bench(tmp_path / "store")
    bench.run_grid(grid)
    (row,) = bench.results("own").to_dict("records")
    assert (row["dataset"], row["status"]) == ("mine", "done")
    assert row["bit_exact"]
    assert row["accuracy"] > 0.9
    export, simulate, measure = (
        next(bench.store.glob(f"{stage}/*/files")) for stage in ("export", "simulate", "measure")
    )
    assert json.loads((export / "metrics.json").read_text())["input_datatype"] == "INT4"
    with np.load(export / "golden.npz") as golden:
        assert golden["images"].dtype == np.int8
        wanted = values[: len(golden["images"])].transpose(0, 3, 1, 2)
        assert np.array_equal(golden["images"] * STEP, wanted)
    with np.load(simulate / "predictions.npz") as predictions:
        assert len(predictions["outputs"]) == IMAGES
    measured = json.loads((measure / "metrics.json").read_text())
    assert (measured["outputs_match"], measured["agreeing_with_torch"]) == (True, IMAGES)

    # The same content, written again, is the same data set; another content is another.
    write_data(tmp_path / "mine.npz")
    assert "Nothing to do" in bench.run_grid(grid)
    write_data(tmp_path / "mine.npz", y_train=np.arange(400) % CLASSES)
    planned, _ = bench.start("plan", str(grid), "--tasks", "--runner", "venv").communicate()
    assert "to do dataset  mine" in planned
