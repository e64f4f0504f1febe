"""Grids that name files of users as data sets: their points, and what is said of what cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.errors import ConfigError
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.input.given import MissingFile
from contract.layers import layers_of

GENERATOR = np.random.default_rng(2)


def write(folder: Path, shape: tuple[int, ...] = (28, 28), name: str = "mine", **more: Any) -> Path:
    """A data set of 300 training and 120 test images, beside the grids."""
    kind, tests = more.pop("kind", np.uint8), 99 if more.pop("few", False) else 120
    images = GENERATOR.integers(0, 2, (300 + tests, *shape)).astype(kind)
    labels = np.arange(300 + tests) % 4
    arrays = {"x_train": images[:300], "x_test": images[300:]}
    arrays |= {"y_train": labels[:300], "y_test": labels[300:]}
    np.savez(folder / f"{name}.npz", **arrays, **more)
    return folder / f"{name}.npz"


@pytest.fixture
def own(grid_file: Path) -> Callable[..., Path]:
    """Writes a grid whose data set is the file `mine.npz`, with other changes."""
    plain = grid_file.read_text()

    def change(*changes: tuple[str, str]) -> Path:
        text = plain.replace('"MNIST"', '"mine.npz"')
        text = text.replace('foldings = ["low", "max"]', "target_fps = [1000.0]")
        text = f"{text}\n[simulate]\nimages = 100\n[measure]\nimages = 100\n"
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        grid_file.write_text(text)
        return grid_file

    return change


def test_points_are_called_by_the_name_of_the_file(own: Callable[..., Path]) -> None:
    file = write(own().parent)
    grid = load_grid(own())
    point = expand(grid)[0]
    assert point.training_name == "tfc-mine-w2a2-s1"
    assert point.labels.dataset == "mine"
    spec = point.specs["dataset"]
    assert (spec["shape"], spec["classes"]) == ([1, 28, 28], 4)
    assert (spec["train_images"], spec["test_images"]) == (300, 120)
    assert grid.paths == {spec["checksums"][0][1]: file}
    # Nothing says where the file is: results elsewhere have the same keys.
    assert str(file.parent) not in json.dumps(point.specs)


def test_the_content_is_part_of_the_specs(own: Callable[..., Path]) -> None:
    write(own().parent)
    before = expand(load_grid(own()))[0].specs["dataset"]
    write(own().parent)
    assert expand(load_grid(own()))[0].specs["dataset"] != before


def test_files_stand_beside_data_sets_with_names(own: Callable[..., Path]) -> None:
    folder = own().parent
    (folder / "more").mkdir()
    write(folder)
    write(folder / "more", name="other")
    grid = load_grid(own(('"mine.npz"', '["more/other.npz", "MNIST", "mine.npz"]')))
    assert [data.name for data in grid.data] == ["other", "MNIST", "mine"]
    assert len(grid.files) == 2
    assert len({point.labels.dataset for point in expand(grid)}) == 3


@pytest.mark.parametrize(
    ("shape", "image_size", "inputs"),
    [((28, 28), "", 1024), ((28, 28), 0, 784), ((9, 7, 2), 0, 126), ((9, 7, 2), 8, 128)],
)
def test_images_are_resized_as_the_grid_says(
    own: Callable[..., Path], shape: tuple[int, ...], image_size: int | str, inputs: int
) -> None:
    said = f"\nimage_size = {image_size}" if image_size != "" else ""
    path = own(("epochs = 2", f"epochs = 2{said}"))
    write(path.parent, shape)
    layers = layers_of(expand(load_grid(path))[0].specs)
    assert layers is not None
    assert layers[0].inputs == inputs


def test_features_are_taken_as_they_are(own: Callable[..., Path]) -> None:
    write(own().parent, (13,))
    layers = layers_of(expand(load_grid(own()))[0].specs)
    assert layers is not None
    assert layers[0].inputs == 13


@pytest.mark.parametrize(
    ("arrays", "changes", "expected"),
    [
        ({"shape": (28, 20)}, (), ["are 28x20, not square", "image_size = 32", "image_size = 0"]),
        (
            {"kind": np.int8, "x_scale": 1.0},
            (),
            ["are not pixels of 0 to 255", "INT8", "image_size = 0"],
        ),
        ({"x_scale": 1.0}, (), ["are not pixels of 0 to 255"]),
        ({}, (("images = 100", "images = 121"),), ["images = 121, and mine has 120 test images"]),
        (
            {},
            (("[build]", "[export]\ngolden_images = 121\n[build]"),),
            ["golden_images = 121, and mine has 120 test images", "Give at most 120"],
        ),
        (
            {"few": True},
            (("images = 100", "images = 50"),),
            ["export.golden_images = 100, and mine has 99 test images", "It needs 100 of them"],
        ),
        ({}, (("epochs = 2", "epochs = 2\nbatch_size = 301"),), ["300 images are trained on"]),
        ({"shape": (5,)}, (('"TFC"', '"LeNet5"'),), ["LeNet5 cannot be trained on mine"]),
        ({}, (('"mine.npz"', '["mine.npz", "./mine.npz"]'),), ["names 'mine' twice"]),
        ({}, (('"mine.npz"', '"mnie.npz"'),), ["train.dataset: there is no file", "mnie.npz"]),
        ({}, (('"mine.npz"', '"mine"'),), ["train.dataset = 'mine' is not known", "ends in .npz"]),
        ({"name": "mnist"}, (('"mine.npz"', '"mnist.npz"'),), ["as the data set MNIST is"]),
        ({"y_val": 1}, (), ["train.dataset: ", "array y_val is not known"]),
    ],
)
def test_what_cannot_be_is_said_before_anything_runs(
    own: Callable[..., Path],
    arrays: dict[str, Any],
    changes: tuple[tuple[str, str], ...],
    expected: list[str],
) -> None:
    path = own(*changes)
    write(path.parent, **arrays)
    with pytest.raises(ConfigError) as caught:
        load_grid(path)
    said = f"{caught.value.what} {caught.value.remedy}"
    for part in (str(path), *expected):
        assert part in said


@pytest.mark.parametrize(("network", "fits"), [("TFC", True), ("Padded", False)])
def test_a_zero_point_and_padding(
    own: Callable[..., Path], extension: Callable[[str, str], Path], network: str, fits: bool
) -> None:
    extension(
        "padded.py",
        "from bench.networks import Network\nfrom contract.architecture import *\n"
        "NETWORK = Network(name='Padded', architecture=Architecture(layers=("
        "ScalePixels(), Conv2d(2, kernel=3, padding=1), ReLU(), Flatten(), Linear(CLASSES))))\n",
    )
    path = own(('"TFC"', f'"{network}"'), ("epochs = 2", "epochs = 2\nimage_size = 0"))
    write(path.parent, x_scale=0.5, x_zero_point=1)
    if fits:
        assert expand(load_grid(path))[0].specs["dataset"]["quantization"]["zero_point"] == 1
        return
    with pytest.raises(ConfigError, match="Padded pads images with zeros, and in mine the number"):
        load_grid(path)


def test_a_model_of_the_users_takes_test_images_alone(own_model_grid: Path) -> None:
    text = own_model_grid.read_text().replace('dataset = "MNIST"', 'images = "mine.npz"')
    own_model_grid.write_text(f"{text}\n[simulate]\nimages = 100\n[measure]\nimages = 100\n")
    images = GENERATOR.integers(0, 256, (120, 600), dtype=np.uint8)
    np.savez(own_model_grid.parent / "mine.npz", x_test=images)
    grid = load_grid(own_model_grid)
    point = expand(grid)[0]
    assert point.name == "my_mlp-mine-low"
    dataset = point.specs["dataset"]
    assert (dataset["shape"], dataset["classes"]) == ([600, 1, 1], 0)
    assert (dataset["train_images"], dataset["test_images"]) == (0, 120)
    assert point.specs["model"]["file_sha256"] == grid.files[0].sha256
    assert dataset["checksums"] == [["mine.npz", grid.files[1].sha256]]


def test_data_may_be_missing_where_points_are_only_named(own: Callable[..., Path]) -> None:
    with pytest.raises(MissingFile, match=r"train\.dataset: there is no file"):
        load_grid(own())
    points = expand(load_grid(own(), absent=True))
    assert points[0].training_name == "tfc-mine-w2a2-s1"
    assert layers_of(points[0].specs) is None


def test_a_models_images_may_be_missing_where_its_points_are_only_named(
    own_model_grid: Path,
) -> None:
    text = own_model_grid.read_text().replace('dataset = "MNIST"', 'images = "mine.npz"')
    own_model_grid.write_text(text)
    with pytest.raises(MissingFile, match=r"model\.images: there is no file"):
        load_grid(own_model_grid)
    points = expand(load_grid(own_model_grid, absent=True))
    assert points[0].name == "my_mlp-mine-low"
