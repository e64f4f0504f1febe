"""Grids about a model of the user's: their points, and what is said of what cannot be."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from bench.errors import ConfigError
from bench.grids.experiment import Labels, expand, references
from bench.grids.grid import load_grid
from bench.input.given import MissingFile
from contract.stages.imported import LARGEST_MODEL

MODEL = b"not read by bench"
STAGES = [
    "dataset", "model", "import", "compile", "size", "map", "simulate", "synthesize", "measure",
]  # fmt: skip


def test_its_designs_are_of_the_model_itself(own_model_grid: Path) -> None:
    grid = load_grid(own_model_grid)
    low, high = expand(grid)
    assert (low.name, high.name) == ("my_mlp-mnist-low", "my_mlp-mnist-fps50000")
    assert low.training_name == high.training_name == "my_mlp-mnist"
    assert low.labels == Labels(network="my_mlp", dataset="MNIST", folding="low", board="Pynq-Z1")
    assert low.labels.precision is None
    assert low.training is None
    assert references(grid) == ()
    assert list(low.specs) == STAGES
    file = {"file_sha256": hashlib.sha256(MODEL).hexdigest(), "file_bytes": len(MODEL)}
    assert low.specs["model"] == file
    assert low.specs["dataset"]["test_images"] == 10_000
    assert low.specs["import"]["golden_images"] == 100
    assert low.specs["compile"]["folding"] == [[16, 8], [1, 10]]
    assert list(grid.paths) == [file["file_sha256"]]


def test_another_content_is_another_model_and_another_name_is_not(own_model_grid: Path) -> None:
    before = expand(load_grid(own_model_grid))[0].specs
    file = own_model_grid.parent / "my_mlp.onnx"
    file.rename(file.with_name("other.onnx"))
    text = own_model_grid.read_text().replace("my_mlp", "other")
    own_model_grid.write_text(text.replace('foldings = ["low"]\n', ""))
    assert expand(load_grid(own_model_grid))[0].specs["model"] == before["model"]
    file.with_name("other.onnx").write_bytes(MODEL[::-1])
    assert expand(load_grid(own_model_grid))[0].specs["model"] != before["model"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[model]", "[train]\nseeds = [1]\n[model]", ["train.network"]),
        ("[model]\n", "[measure]\nimages = 5\n[m]\n", ["unknown key 'm'"]),
        ('file = "my_mlp.onnx"', "", ["the key 'model.file' is missing"]),
        ('dataset = "MNIST"', 'dataset = "MNISt"', ["model.dataset = 'MNISt'", "mean 'MNIST'?"]),
        ('dataset = "MNIST"', "", ["model.dataset and model.images are missing"]),
        ("[build]", "[export]\ngolden_images = 100\n[build]", ["[export] is of stage 'export'"]),
        ("[build]", "golden_images = 1\n[build]", ["model.golden_images = 1", "at least 2"]),
        ("[build]", "epochs = 1\n[build]", ["unknown key 'model.epochs'", "Valid: dataset"]),
        ("[build]", 'outputs = "klasses"\n[build]', ["model.outputs", "Did you mean 'classes'?"]),
        ("[build]", "[simulate]\nimages = 10001\n[build]", ["simulate.images", "MNIST has 10,000"]),
        ("[build]", 'images = "my.npz"\n[build]', ["model.images is given beside model.dataset"]),
        ('dataset = "MNIST"', 'images = "my.npz"', ["model.images: there is no file", "my.npz"]),
        ('dataset = "MNIST"', 'images = "my.dat"', ["model.images = 'my.dat' is not known"]),
        ('file = "my', 'file = "no', ["model.file: there is no file", "no_mlp.onnx"]),
        ('file = "my_mlp.onnx"', 'file = "a b.onnx"', ["'a b' cannot be a name", "at most 64"]),
        ('file = "my_mlp.onnx"', 'file = "folder.onnx"', ["folder.onnx", "it is a folder"]),
        ('["low"]', '["max"]', ["build.foldings = 'max' is not known. Valid: balanced, fastest,"]),
        ("[50000]", "[50000, 50000]", ["build.target_fps names 50000", "twice"]),
        ("[50000]", f"{list(range(1, 100_001))}", ["make 100,001 points"]),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    own_model_grid: Path, old: str, new: str, expected: list[str]
) -> None:
    (own_model_grid.parent / "folder.onnx").mkdir()
    text = own_model_grid.read_text()
    assert old in text
    own_model_grid.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_grid(own_model_grid)
    message = f"{caught.value.what} {caught.value.remedy}"
    assert str(own_model_grid.parent) in message
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("table", "says"), [("", "train and model are missing"), ("[train]", "are both given")]
)
def test_one_of_training_and_model_is_needed(
    grid_file: Path, own_model_grid: Path, table: str, says: str
) -> None:
    trained, given = grid_file.read_text(), own_model_grid.read_text()
    both = trained.replace("[build]", f"{given.partition('[build]')[0].partition('[')[2]}[build]")
    both = both.replace("model]", "[model]")
    neither = given.partition("[model]")[0] + "[build]" + given.partition("[build]")[2]
    grid_file.write_text(both if table else neither)
    with pytest.raises(ConfigError, match=says) as caught:
        load_grid(grid_file)
    assert "Write [train] to train a network, or [model]" in caught.value.what


def test_a_training_has_no_keys_of_a_model(grid_file: Path) -> None:
    grid_file.write_text(f'{grid_file.read_text()}[model]\nfile = "my.onnx"\ndataset = "MNIST"\n')
    with pytest.raises(ConfigError, match="both given"):
        load_grid(grid_file)


def test_a_model_that_is_too_large_costs_no_reading(own_model_grid: Path) -> None:
    file = own_model_grid.parent / "my_mlp.onnx"
    os.truncate(file, 500_000_000)
    with pytest.raises(ConfigError, match="has 500 MB; at most 268 MB are read: that is") as caught:
        load_grid(own_model_grid)
    assert LARGEST_MODEL == 2**28
    assert caught.value.remedy


def test_a_model_that_is_not_there_may_still_be_named(own_model_grid: Path) -> None:
    (own_model_grid.parent / "my_mlp.onnx").unlink()
    with pytest.raises(MissingFile):
        load_grid(own_model_grid)
    names = [point.name for point in expand(load_grid(own_model_grid, absent=True))]
    assert names == ["my_mlp-mnist-low", "my_mlp-mnist-fps50000"]


def test_a_folding_file_is_read_without_knowing_the_layers(own_model_grid: Path) -> None:
    content = {"MVAU_0": {"PE": 4, "SIMD": 5}, "MVAU_1": {"PE": 1, "SIMD": 16}}
    (own_model_grid.parent / "Mine.json").write_text(json.dumps(content))
    text = own_model_grid.read_text().replace('foldings = ["low"]', 'folding_files = ["Mine.json"]')
    own_model_grid.write_text(text)
    mine, _ = expand(load_grid(own_model_grid))
    assert (mine.labels.folding, mine.specs["compile"]["folding"]) == ("mine", None)
    assert mine.specs["compile"]["options"] == [
        ["MVAU_0", "PE", 4], ["MVAU_0", "SIMD", 5], ["MVAU_1", "PE", 1], ["MVAU_1", "SIMD", 16],
    ]  # fmt: skip
