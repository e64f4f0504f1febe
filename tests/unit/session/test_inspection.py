"""What `bench inspect` looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import GRID, write_grid

from bench.errors import ConfigError
from bench.session.inspection import Asked, Subject, inspection_of

CODE = "def build(weight_bits, act_bits):\n    return None\n"
MODEL = """
name = "mine"
[model]
file = "given.onnx"
images = "test.npz"
[build]
target_fps = [1000.0]
board = "Pynq-Z1"
clock_mhz = 100.0
[simulate]
images = 20
[measure]
images = 20
"""


def subject(what: str, **options: Any) -> Subject:
    return inspection_of(Asked(what=what, **options))


def spec(found: Subject, stage: str = "inspect") -> dict[str, Any]:
    return dict(found.points[0].specs[stage])


def images(path: Path) -> Path:
    np.savez(path, x_test=np.zeros((20, 4, 4), np.uint8))
    return path


def test_a_network_by_its_name_alone() -> None:
    found = subject("TFC")
    assert [stage.name for stage in found.stages] == ["draft", "inspect"]
    assert [point.name for point in found.points] == ["tfc-mnist-w4a4"]
    assert spec(found) == {
        "foldings": [], "targets": [["Pynq-Z1", "xc7z020clg400-1"]], "clock_mhz": 100.0
    }  # fmt: skip


def test_a_network_with_everything_else() -> None:
    found = subject(
        "TFC", bits=("2,2", "8-2-2-8,4"), dataset="Fashion-MNIST", foldings=("low", "2000"),
        boards=("Pynq-Z1", "ZCU104"), clock_mhz=200.0,
    )  # fmt: skip
    names = [point.name for point in found.points]
    assert names == ["tfc-fashion-mnist-w2a2", "tfc-fashion-mnist-w8-2-2-8a4"]
    asked = spec(found)
    assert [name for name, _ in asked["foldings"]] == ["low", "fps2000"]
    assert [board for board, _ in asked["targets"]] == ["Pynq-Z1", "ZCU104"]
    assert asked["clock_mhz"] == 200.0


def test_a_grid_has_each_network_once_and_all_its_foldings(tmp_path: Path) -> None:
    path = write_grid(tmp_path, GRID.replace("seeds = [1]", "seeds = [1, 2]"))
    found = subject(str(path))
    assert [point.name for point in found.points] == ["tfc-mnist-w2a2", "tfc-mnist-w4a4"]
    assert [name for name, _ in spec(found)["foldings"]] == ["low", "max"]


def test_a_python_file_is_read_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "my_net.py").write_text(CODE)
    found = subject(f"{tmp_path}/my_net.py:build", dataset=str(images_to_train(tmp_path)))
    assert found.points[0].name == "my_net-mine-w4a4"
    assert spec(found, "draft")["code"]["text"] == CODE


def images_to_train(folder: Path) -> Path:
    path = folder / "mine.npz"
    some, labels = np.zeros((20, 4, 4), np.uint8), np.arange(20, dtype=np.uint8) % 2
    np.savez(path, x_train=some, y_train=labels, x_test=some, y_test=labels)
    return path


@pytest.mark.parametrize("given", [True, False])
def test_a_model_has_images_or_is_given_random_ones(tmp_path: Path, given: bool) -> None:
    (tmp_path / "given.onnx").write_bytes(b"a model")
    options = {"images": str(images(tmp_path / "test.npz"))} if given else {}
    found = subject(str(tmp_path / "given.onnx"), **options)
    names = [stage.name for stage in found.stages]
    first = ["dataset", "model"] if given else ["model", "sample"]
    assert names == [*first, "import", "inspect"]
    assert found.points[0].name == ("given-test" if given else "given-random")
    assert found.stages[-1].needs == ("export",)


def test_a_grid_about_a_model(tmp_path: Path) -> None:
    (tmp_path / "given.onnx").write_bytes(b"a model")
    images(tmp_path / "test.npz")
    found = subject(str(write_grid(tmp_path, MODEL)))
    assert [stage.name for stage in found.stages] == ["dataset", "model", "import", "inspect"]


@pytest.mark.parametrize(
    ("what", "options", "message"),
    [
        ("TFD", {}, "'TFD' is no network"),
        ("TFC", {"bits": ("4",)}, "--bits 4 is no pair of bit widths"),
        ("TFC", {"bits": ("9,4",)}, "--bits"),
        ("TFC", {"dataset": "MINST"}, "--dataset = 'MINST' is not known"),
        ("TFC", {"foldings": ("lwo",)}, "--folding = 'lwo' is not known"),
        ("TFC", {"foldings": ("-5",)}, "--folding"),
        ("TFC", {"boards": ("Pynq",)}, "--board = 'Pynq' is not known"),
        ("TFC", {"images": "test.npz"}, "--images is for models"),
        ("TFC", {"foldings": ("missing.json",)}, "missing.json"),
        ("missing.onnx", {}, "missing.onnx"),
        ("missing.onnx", {"bits": ("4,4",)}, "--bits is for networks"),
        ("missing.toml", {}, "missing.toml"),
        ("missing.py:build", {}, "missing.py"),
        ("experiments/quick.toml", {"bits": ("4,4",)}, "--bits cannot be combined with the grid"),
        ("", {}, "'' is no network"),
    ],
)
def test_what_cannot_be(what: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        subject(what, **options)
    assert message in caught.value.what
    assert caught.value.remedy
