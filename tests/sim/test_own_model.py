"""A model of the user's all the way: the one that a training has left, given as a file."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from real_runs import Bench

from bench.paths import ROOT

GRID = """
name = "mine"
[model]
file = "trained.onnx"
images = "{images}"
[build]
foldings = {foldings}
board = "Pynq-Z1"
clock_mhz = 100.0
[simulate]
images = 40
[measure]
images = 40
"""
# What does not depend on where the model is from.
SAME = (
    "accuracy", "sim_accuracy", "bit_exact", "ii_estimated", "ii_simulated", "latency_cycles",
    "lut", "bram18", "fifo_depth", "fps_measured",
)  # fmt: skip


@pytest.fixture
def given(undisturbed: Bench, tmp_path: Path) -> Path:
    """A folder with the exported model, and the test images that it was exported with."""
    (export,) = undisturbed.store.glob("export/*/files")
    shutil.copy(export / "model.onnx", tmp_path / "trained.onnx")
    with np.load(export / "test_set.npz") as data:
        images, labels = data["images"], data["labels"]
    np.savez(tmp_path / "labelled.npz", x_test=images, y_test=labels)
    np.savez(tmp_path / "bare.npz", x_test=images[:200])
    tables = (ROOT / "experiments" / "foldings.toml").read_text()
    (tmp_path / "foldings.toml").write_text(tables.replace("[TFC]", "[trained]"))
    return tmp_path


def run(folder: Path, images: str, foldings: list[str]) -> pd.DataFrame:
    path = folder / "mine.toml"
    path.write_text(GRID.format(images=images, foldings=foldings))
    bench = Bench(folder / "store")
    output = bench.run_grid(path)
    assert "train " not in output
    return bench.results("mine")


def test_a_given_model_gives_what_its_training_gave(undisturbed: Bench, given: Path) -> None:
    trained, results = undisturbed.results()[:1], run(given, "labelled.npz", ["low"])
    assert list(results["experiment"]) == ["trained-labelled-low"]
    assert list(results["status"]) == ["done"]
    for column in SAME:
        assert list(results[column]) == list(trained[column]), column
    assert list(results["agreeing_with_model"]) == list(results["sim_images"]) == [40]
    assert results[["weight_bits", "act_bits", "seed", "agreeing_with_torch"]].isna().all(axis=None)


def test_without_labels_there_is_agreement_and_no_accuracy(given: Path) -> None:
    results = run(given, "bare.npz", ["low"])
    assert list(results["status"]) == ["done"]
    assert list(results["bit_exact"]) == [True]
    assert list(results["agreeing_with_model"]) == [40]
    assert results[["accuracy", "sim_accuracy"]].isna().all(axis=None)
