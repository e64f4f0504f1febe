"""A network and a data set of a user's, one file each outside the package, run for real."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from real_runs import Bench

from contract.arrays import save_npz

CLASSES, PIXELS = 4, 8
PERCEPTRON = """
from bench.networks import Network
from contract.architecture import *

NETWORK = Network(
    name="Wide",
    architecture=Architecture(
        flat=True,
        layers=(ScalePixels(), Linear(12), BatchNorm(), HardTanh(), Linear(CLASSES), BatchNorm()),
    ),
)
"""
CONVOLUTIONS = """
from bench.networks import Network
from contract.architecture import *

NETWORK = Network(
    name="Deep",
    architecture=Architecture(
        layers=(
            ScalePixels(), Conv2d(6, kernel=3), BatchNorm(), HardTanh(),
            MaxPool(kernel=2, stride=2), Flatten(), Linear(CLASSES),
        ),
    ),
)
"""
COLOURS = """
import numpy as np
from bench.datasets import DataFile, Dataset, Images

def read(folder, files):
    with np.load(folder / files[0].name) as arrays:
        return (
            Images(arrays["x_train"], arrays["y_train"]), Images(arrays["x_test"], arrays["y_test"])
        )

DATASET = Dataset(
    name="Colours", shape=(3, {pixels}, {pixels}), classes={classes},
    train_images=400, test_images=120,
    files=(DataFile("colours.npz", "{sha256}", {size}),), sources=(), read=read,
)
"""
GRID = """
name = "own"
[train]
network = "{network}"
dataset = "Colours"
bits = [[3, 2]]
seeds = [1]
epochs = 6
milestones = []
image_size = {pixels}
[build]
target_fps = [100_000.0]
board = "Pynq-Z1"
clock_mhz = 100.0
[simulate]
images = 20
[measure]
images = 20
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds `colours.npz`, images whose class is where they are red, and files of extensions."""
    generator = np.random.default_rng(3)
    arrays = {}
    for half, count in (("train", 400), ("test", 120)):
        labels = generator.integers(0, CLASSES, count, dtype=np.uint8)
        images = generator.integers(0, 100, (count, 3, PIXELS, PIXELS), dtype=np.uint8)
        side = PIXELS // 2
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 2)
            image[0, row * side : (row + 1) * side, column * side : (column + 1) * side] += 120
        arrays |= {f"x_{half}": images, f"y_{half}": labels}
    data, extensions = tmp_path / "data", tmp_path / "extensions"
    data.mkdir()
    extensions.mkdir()
    save_npz(data / "colours.npz", **arrays)
    content = (data / "colours.npz").read_bytes()
    declared = COLOURS.format(
        pixels=PIXELS, classes=CLASSES, sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )  # fmt: skip
    (extensions / "colours.py").write_text(declared)
    (extensions / "wide.py").write_text(PERCEPTRON)
    (extensions / "deep.py").write_text(CONVOLUTIONS)
    monkeypatch.setenv("BENCH_EXTENSIONS", str(extensions))
    monkeypatch.setenv("BENCH_DATA", str(data))
    return tmp_path


def write_grid(folder: Path, network: str) -> Path:
    grid = folder / "own.toml"
    grid.write_text(GRID.format(network=network, pixels=PIXELS))
    return grid


def test_a_network_and_a_data_set_from_outside_go_all_the_way(folder: Path) -> None:
    """Colour images, flattened channel by channel, through RTL to the emulated board."""
    bench = Bench(folder / "store")
    bench.run_grid(write_grid(folder, "Wide"))
    (row,) = bench.results("own").to_dict("records")
    assert (row["network"], row["dataset"], row["status"]) == ("Wide", "Colours", "done")
    assert row["bit_exact"]
    assert row["accuracy"] > 0.9
    (findings,) = bench.store.glob("dataset/*/files/metrics.json")
    found = json.loads(findings.read_text())
    assert (found["channels"], found["test_images"]) == (3, 120)


def test_convolutions_train_on_colour_images_and_are_exported(folder: Path) -> None:
    bench = Bench(folder / "store")
    running = bench.start(
        "run", str(write_grid(folder, "Deep")), "--runner", "venv", "--only", "export"
    )
    output, _ = running.communicate(timeout=600)
    assert running.returncode == 0, output
    (export,) = bench.store.glob("export/*/files")
    with np.load(export / "golden.npz") as golden:
        assert golden["images"].shape == (100, 3, PIXELS, PIXELS)
        predictions = golden["predictions"]
    with np.load(export / "test_set.npz") as test_set:
        assert test_set["images"].shape == (120, 3, PIXELS, PIXELS)
        assert (test_set["predictions"] == test_set["labels"]).mean() > 0.9
        assert (test_set["predictions"][:100] == predictions).all()
