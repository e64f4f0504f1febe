"""A network and a data set of a user's, one file each outside the package, run for real."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from quadrants import CLASSES, GRID, IMAGES, quadrants
from real_runs import Bench

from contract.arrays import save_npz

PIXELS = 8
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds `colours.npz`, images whose class is where they are red, and files of extensions."""
    data, extensions = tmp_path / "data", tmp_path / "extensions"
    data.mkdir()
    extensions.mkdir()
    arrays = quadrants((3, PIXELS, PIXELS), range(100), brighter=120)
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
    grid.write_text(GRID.format(network=network, dataset="Colours", image_size=PIXELS, fps=100_000))
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


def test_convolutions_on_colour_images_go_all_the_way(folder: Path) -> None:
    """A convolution and a pool, trained by Brevitas, through RTL to the emulated board."""
    bench = Bench(folder / "store")
    bench.run_grid(write_grid(folder, "Deep"))
    (row,) = bench.results("own").to_dict("records")
    assert (row["network"], row["dataset"], row["status"]) == ("Deep", "Colours", "done")
    assert row["bit_exact"]
    assert row["accuracy"] > 0.9
    assert row["ii_simulated"] == pytest.approx(row["ii_estimated"], rel=0.01)
    assert row["stand_ins"] == "1 Pool_hls"
    assert (bench.store / "reports" / "own" / "index.html").is_file()
    export, simulate, measure = (
        next(bench.store.glob(f"{stage}/*/files")) for stage in ("export", "simulate", "measure")
    )
    with np.load(export / "golden.npz") as golden:
        assert golden["images"].shape == (100, 3, PIXELS, PIXELS)
    with np.load(simulate / "predictions.npz") as predictions:
        assert len(predictions["outputs"]) == IMAGES
    measured = json.loads((measure / "metrics.json").read_text())
    assert (measured["outputs_compared"], measured["outputs_match"]) == (IMAGES, True)
    assert measured["agreeing_with_torch"] == IMAGES
