"""Data sets in files of users: what is found in one, and what is wrong with it."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeRunner

from bench.boards.pool import BoardPool
from bench.datasets.fetching.fetch import fetch
from bench.datasets.own import own_data
from bench.errors import ConfigError, DataError
from bench.runners.host import HostContext, HostReporter
from bench.runners.wire import Request
from contract.arrays import load_npz
from contract.stages.dataset import PIXELS, DatasetSpec, Quantization

GENERATOR = np.random.default_rng(5)
IMAGES = GENERATOR.integers(0, 256, (12, 4, 5, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3
ARRAYS: dict[str, Any] = {
    "x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:7] ^ 85, "y_test": LABELS[:7],
}  # fmt: skip
Change = Callable[[np.ndarray[Any, Any]], Any]


def of_x(change: Change, **more: Any) -> dict[str, Any]:
    """Arrays with other images, training and test alike."""
    return {"x_train": change(IMAGES), "x_test": change(ARRAYS["x_test"]), **more}


def written(folder: Path, **changed: Any) -> Path:
    """A file in which some arrays are others; None leaves one out."""
    arrays = {name: one for name, one in (ARRAYS | changed).items() if one is not None}
    np.savez(folder / "mine.npz", **arrays)
    return folder / "mine.npz"


def found(path: Path, *, to_train: bool = True) -> DatasetSpec:
    spec, given = own_data("train.dataset", path, to_train=to_train)
    assert spec.checksums == ((path.name, given.sha256),)
    return spec


def refusal(path: Path, *, to_train: bool = True) -> ConfigError:
    """The error for a file, which names the key, the file and what to do."""
    with pytest.raises(ConfigError) as caught:
        found(path, to_train=to_train)
    assert caught.value.what.startswith("train.dataset")
    assert str(path) in caught.value.what or path.name in caught.value.what
    assert caught.value.remedy.endswith(".")
    return caught.value


@pytest.mark.parametrize(
    ("change", "shape"),
    [
        (lambda x: x, (3, 4, 5)),
        (lambda x: x[..., :1], (1, 4, 5)),
        (lambda x: x[..., 0], (1, 4, 5)),
        (lambda x: x.reshape(len(x), -1), (60, 1, 1)),
    ],
)
def test_images_of_each_form(tmp_path: Path, change: Change, shape: tuple[int, int, int]) -> None:
    spec = found(written(tmp_path, **of_x(change)))
    assert (spec.name, spec.shape, spec.classes) == ("mine", shape, 3)
    assert (spec.train_images, spec.test_images) == (12, 7)
    assert (spec.quantization, spec.given) == (PIXELS, True)


def test_the_content_is_what_a_file_is_known_by(tmp_path: Path) -> None:
    before = found(written(tmp_path))
    (tmp_path / "other").mkdir()
    assert found(written(tmp_path / "other")) == before
    assert found(written(tmp_path, x_train=IMAGES ^ 1)) != before


@pytest.mark.parametrize(
    "labels", [LABELS.astype(kind) for kind in (np.uint8, np.int64, np.float32)]
)
@pytest.mark.parametrize("column", [False, True])
def test_labels_of_any_kind_that_are_whole(
    tmp_path: Path, labels: np.ndarray[Any, Any], column: bool
) -> None:
    given = labels[:, None] if column else labels
    assert found(written(tmp_path, y_train=given, y_test=given[:7])).classes == 3


SIGNED = IMAGES.astype(np.int16) - 128


@pytest.mark.parametrize(
    ("arrays", "quantization"),
    [
        (of_x(lambda x: x, x_scale=0.5), Quantization(scale=0.5)),
        (of_x(lambda x: x // 16, x_datatype="UINT4"), Quantization(datatype="UINT4")),
        (
            of_x(lambda x: (x ^ 128).view(np.int8), x_scale=2),
            Quantization(datatype="INT8", scale=2.0),
        ),
        (
            of_x(lambda x: (x / 255).astype(np.float32), x_scale=1 / 255),
            Quantization(scale=1 / 255),
        ),
        (
            of_x(lambda x: (x - 128.0) / 128, x_scale=1 / 128),
            Quantization(datatype="INT8", scale=1 / 128),
        ),
        (
            of_x(lambda x: (x - 128.0) / 128, x_scale=1 / 128, x_zero_point=128),
            Quantization(scale=1 / 128, zero_point=128),
        ),
        (
            of_x(lambda x: np.where(x > 99, 1.0, -1.0), x_scale=1, x_datatype="BIPOLAR"),
            Quantization(datatype="BIPOLAR", scale=1.0),
        ),
    ],
)
def test_numbers_that_are_no_pixels(
    tmp_path: Path, arrays: dict[str, Any], quantization: Quantization
) -> None:
    assert found(written(tmp_path, **arrays)).quantization == quantization


FLOATS = (SIGNED / 4).astype(np.float32)


def with_one(value: float) -> np.ndarray[Any, Any]:
    array = FLOATS.copy()
    array[9, 1, 2, 0] = value
    return array


QUARTERS = {"x_train": FLOATS, "x_test": FLOATS[:7], "x_scale": 0.25}


@pytest.mark.parametrize(
    ("arrays", "complaint"),
    [
        ({"y_train": None}, "array y_train is missing (there: x_test, x_train, y_test)"),
        ({"x_train": None}, "array x_train is missing"),
        ({"X_train": IMAGES}, "array X_train is not known"),
        ({"x_scales": 1.0}, "array x_scales is not known"),
        (
            {"x_train": IMAGES.astype(object)},
            "x_train holds Python objects, which are never",
        ),
        ({"y_test": LABELS[:7].astype(object)}, "y_test holds Python objects"),
        ({"x_train": IMAGES.astype(np.int64)}, "x_train is int64 [12, 4, 5, 3], neither uint8"),
        ({"x_train": IMAGES.astype("U3")}, "neither uint8"),
        ({"x_train": IMAGES > 5}, "x_train is bool"),
        ({"x_train": IMAGES[0, 0, 0, 0]}, "array x_train is uint8 []"),
        ({"x_train": IMAGES[:, 0, 0, 0]}, "array x_train is uint8 [12]"),
        ({"x_train": IMAGES[:, None]}, "array x_train is uint8 [12, 1, 4, 5, 3]"),
        ({"x_train": IMAGES[:0]}, "x_train is empty: uint8 [0, 4, 5, 3]"),
        ({"x_test": IMAGES[:7, :0]}, "x_test is empty: uint8 [7, 0, 5, 3]"),
        ({"x_train": np.zeros((12, 1025, 2), np.uint8)}, "may have 1024 pixels a side"),
        ({"x_train": np.zeros((1, 1 << 20 | 1), np.uint8)}, "1,048,576 values"),
        (of_x(lambda x: x.transpose(0, 3, 1, 2)), "which looks like [N, C, H, W]"),
        (
            {"x_test": IMAGES[:7, :3]},
            "uint8 [12, 4, 5, 3] and x_test uint8 [7, 3, 5, 3]",
        ),
        ({"x_test": FLOATS[:7], "x_scale": 0.25}, "and x_test float32 [7, 4, 5, 3]"),
        ({"y_train": LABELS[:11]}, "y_train is int64 [11], and x_train has 12 images"),
        ({"y_test": LABELS}, "y_test is int64 [12], and x_test has 7 images"),
        ({"y_train": LABELS - 1}, "y_train: the label of image 0 is -1"),
        ({"y_train": LABELS + 0.5}, "y_train: the label of image 0 is 0.5"),
        ({"y_train": np.where(LABELS == 2, np.nan, 1)}, "the label of image 2 is nan"),
        ({"y_train": np.where(LABELS == 2, 256, 1)}, "the label of image 2 is 256"),
        ({"y_train": np.where(LABELS == 2, 1e30, 1)}, "the label of image 2 is 1e+30"),
        ({"y_train": LABELS * 0}, "every image is of class 0"),
        ({"y_train": LABELS + 1}, "no image is of class 0, and there is a class 3"),
        ({"y_train": LABELS * 2}, "no image is of class 1, and there is a class 4"),
        ({"y_test": LABELS[:7] + 1}, "there is a class 3, and those of y_train end at 2"),
        ({"y_train": LABELS.astype("U1")}, "y_train is <U1 [12]"),
        ({"y_train": np.eye(3)[LABELS]}, "y_train is float64 [12, 3]"),
        (of_x(lambda x: x / 255), "x_test is float64, and x_scale is missing"),
        (of_x(lambda x: x.view(np.int8)), "x_test is int8, and x_scale is missing"),
        (QUARTERS | {"x_train": with_one(np.nan)}, "array x_train: nan in image 9 is no number"),
        (QUARTERS | {"x_train": with_one(-np.inf)}, "-inf in image 9 is no number"),
        (QUARTERS | {"x_train": with_one(0.3)}, "0.3 in image 9 is no multiple of x_scale = 0.25"),
        (QUARTERS | {"x_train": with_one(32)}, "32 in image 9 stands for a number that INT8 does"),
        (QUARTERS | {"x_scale": 1e-320}, "in image 0 is no multiple of x_scale"),
        (QUARTERS | {"x_scale": 0}, "x_scale is 0"),
        (QUARTERS | {"x_scale": -1.0}, "x_scale is -1.0"),
        (QUARTERS | {"x_scale": np.inf}, "x_scale is inf"),
        (QUARTERS | {"x_scale": "one"}, "array x_scale is <U3 []"),
        (QUARTERS | {"x_scale": [0.25, 0.5]}, "array x_scale is float64 [2]"),
        (QUARTERS | {"x_zero_point": 0.5}, "x_zero_point is 0.5"),
        (QUARTERS | {"x_zero_point": np.nan}, "x_zero_point is nan"),
        (QUARTERS | {"x_zero_point": 999}, "the zero point is 999"),
        (QUARTERS | {"x_datatype": "FLOAT32"}, "the datatype is 'FLOAT32'"),
        (QUARTERS | {"x_datatype": "x" * 5000}, "array x_datatype is <U5000"),
        (QUARTERS | {"x_datatype": 8}, "array x_datatype is int64"),
        ({"x_datatype": "UINT7"}, "stands for a number that UINT7 does not have"),
        (
            of_x(lambda x: np.clip(x, 1, 3) - 2.0, x_scale=1.0, x_datatype="BIPOLAR"),
            "0 in image 0 stands for a number that BIPOLAR does not have",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, arrays: dict[str, Any], complaint: str) -> None:
    if arrays.get("x_datatype") == "BIPOLAR":
        arrays["x_train"][0, 0, 0, 0] = 0
    assert complaint in refusal(written(tmp_path, **arrays)).what


def test_one_hot_labels_are_refused_with_what_to_write(tmp_path: Path) -> None:
    path = written(tmp_path, y_train=np.eye(3)[LABELS])
    assert "y_train.argmax(axis=1)" in refusal(path).remedy


@pytest.mark.parametrize("kind", ["nothing", "folder", "pipe", "text", "empty", "truncated"])
def test_files_that_hold_no_data(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path)
    content = path.read_bytes()
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind != "nothing":
        path.write_bytes({"text": b"x = 1", "empty": b"", "truncated": content[:500]}[kind])
    refusal(path)


def test_a_link_to_a_file_is_that_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "real").mkdir()
    path.rename(tmp_path / "real" / "data")
    path.symlink_to(tmp_path / "real" / "data")
    assert found(path).name == "mine"


def test_a_name_that_no_row_can_have(tmp_path: Path) -> None:
    path = written(tmp_path).rename(tmp_path / "my data.npz")
    assert "'my data' cannot be a name" in refusal(path).what


class TestForAModel:
    """What is trained already needs test images only."""

    def test_images_alone(self, tmp_path: Path) -> None:
        path = written(tmp_path, x_train=None, y_train=None, y_test=None)
        spec = found(path, to_train=False)
        assert (spec.classes, spec.train_images, spec.test_images) == (0, 0, 7)

    def test_labels_may_leave_classes_out(self, tmp_path: Path) -> None:
        path = written(tmp_path, y_test=LABELS[:7] * 0 + 5)
        spec = found(path, to_train=False)
        assert (spec.classes, spec.train_images) == (6, 0)

    def test_labels_are_checked(self, tmp_path: Path) -> None:
        path = written(tmp_path, x_train=None, y_train=None, y_test=LABELS)
        assert "x_test has 7 images" in refusal(path, to_train=False).what

    def test_images_are_needed(self, tmp_path: Path) -> None:
        path = written(tmp_path, x_test=None)
        assert "array x_test is missing" in refusal(path, to_train=False).what


def run(spec: DatasetSpec, path: Path, folder: Path) -> Path:
    """The outputs of the stage."""
    for name in ("outputs", "scratch"):
        (folder / name).mkdir()
    request = Request(
        stage="dataset", spec=json.loads(json.dumps(asdict(spec))), inputs={},
        outputs=folder / "outputs", scratch=folder / "scratch", cache=folder,
        result=folder / "result.json", cpus=1,
    )  # fmt: skip
    context = HostContext(
        workers=FakeRunner(), pool=BoardPool(), files={spec.checksums[0][1]: path}
    )
    log = io.StringIO()
    fetch(
        request, HostReporter("mine", "stage", lambda event: None, log, threading.Event()), context
    )
    assert str(path) in log.getvalue()
    assert list((folder / "scratch").iterdir()) == []
    return folder / "outputs"


def test_the_stage_writes_whole_numbers_with_the_channel_first(tmp_path: Path) -> None:
    path = written(tmp_path, **QUARTERS)
    outputs = run(found(path), path, tmp_path)
    for half, wanted, labels in (("train", SIGNED, LABELS), ("test", SIGNED[:7], LABELS[:7])):
        arrays = load_npz(outputs / f"{half}.npz", ("images", "labels"))
        assert [array.dtype for array in arrays] == [np.int8, np.uint8]
        assert np.array_equal(arrays[0], wanted.transpose(0, 3, 1, 2))
        assert np.array_equal(arrays[1], labels)
    assert json.loads((outputs / "metrics.json").read_text()) == {
        "channels": 3, "height": 4, "width": 5, "classes": 3, "train_images": 12, "test_images": 7,
        "quantization": {"datatype": "INT8", "scale": 0.25, "zero_point": 0},
    }  # fmt: skip


def test_the_stage_writes_test_images_alone(tmp_path: Path) -> None:
    path = written(tmp_path, y_test=None)
    outputs = run(found(path, to_train=False), path, tmp_path)
    assert sorted(file.name for file in outputs.iterdir()) == ["metrics.json", "test.npz"]
    with np.load(outputs / "test.npz") as arrays:
        assert [*arrays] == ["images"]
    assert json.loads((outputs / "metrics.json").read_text())["classes"] == 0


def test_a_file_that_changes_after_it_was_checked(tmp_path: Path) -> None:
    path = written(tmp_path)
    spec = found(path)
    written(tmp_path, x_train=IMAGES ^ 1)
    with pytest.raises(DataError, match="has changed since the run started"):
        run(spec, path, tmp_path)


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    path = written(tmp_path)
    spec = found(path)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read any more: No such file"):
        run(spec, path, tmp_path)


def test_damage_among_the_images(tmp_path: Path) -> None:
    """Values of pixels are not read when a grid is, as none can be wrong."""
    path = written(tmp_path, **of_x(lambda x: x.repeat(40, axis=1)))
    content = path.read_bytes()
    path.write_bytes(content.replace(IMAGES[11].tobytes()[-9:], bytes(9)))
    with pytest.raises(DataError, match=r"mine\.npz: array x_train is damaged"):
        run(found(path), path, tmp_path)
