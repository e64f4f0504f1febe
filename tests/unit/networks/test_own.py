"""Networks that a Python file beside the grid builds, as far as the host sees them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fakes import GRID, write_grid

from bench.console.terminal import Terminal
from bench.errors import ConfigError
from bench.grids.experiment import Point, expand, references
from bench.grids.grid import load_grid
from bench.pipeline import plan
from bench.session.preview import show_bottlenecks
from contract.layers import layers_of

BUILD = "def build(weight_bits, act_bits, image_shape, classes):\n    raise SystemExit(9)\n"
OWN = GRID.replace('network = "TFC"', 'network = "my_net.py:build"')
FOLDINGS = "[my_net]\nlow = [[2, 8], [1, 1]]\nmax = [[8, 8], [1, 64]]\n"


def grid(folder: Path, text: str = OWN, code: str | bytes = BUILD, file: str = "my_net.py") -> Path:
    """A grid of the network in `file`, with foldings beside it."""
    path = folder / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(code if isinstance(code, bytes) else code.encode())
    written = write_grid(folder, text)
    (folder / "foldings.toml").write_text(FOLDINGS)
    return written


def points(folder: Path, text: str = OWN, code: str | bytes = BUILD) -> tuple[Point, ...]:
    return expand(load_grid(grid(folder, text, code)))


def test_the_text_of_the_file_decides_the_training(tmp_path: Path) -> None:
    first, *_ = points(tmp_path)
    assert first.name == "my_net-mnist-w2a2-s1-low"
    train = first.specs["train"]
    assert (train["network"], train["architecture"]) == ("my_net", None)
    assert train["code"] == {"file": "my_net.py", "text": BUILD, "function": "build"}
    assert (train["image_size"], train["batch_size"], train["learning_rate"]) == (0, 100, 0.01)
    assert layers_of(first.specs) is None
    assert [fold.specs["compile"]["folding"] for fold in points(tmp_path)[:2]] == [
        [[2, 8], [1, 1]],
        [[8, 8], [1, 64]],
    ]
    changed, *_ = points(tmp_path, code=f"{BUILD}# a comment\n")
    assert changed.specs["train"] != train
    assert changed.specs["dataset"] == first.specs["dataset"]
    windows, *_ = points(tmp_path, code=b"\xef\xbb\xbf" + BUILD.replace("\n", "\r\n").encode())
    assert windows.specs["train"] == train


def test_points_share_what_they_have_in_common(tmp_path: Path) -> None:
    stages = [task.stage.name for task in plan(points(tmp_path))]
    assert (stages.count("train"), stages.count("compile")) == (2, 4)


def test_bits_are_passed_on_as_they_are_written(tmp_path: Path) -> None:
    text = OWN.replace("bits = [[2, 2], [4, 4]]", "bits = [[[2, 4, 4], [3, 3]], [[4], 4]]")
    text = text.replace("seeds = [1]", 'seeds = [1]\nreferences = ["float"]')
    made = points(tmp_path, text)
    assert [point.training_name for point in made[::2]] == [
        "my_net-mnist-w2-4-4a3-3-s1", "my_net-mnist-w4a4-s1",
    ]  # fmt: skip
    assert made[0].specs["train"]["weight_bits"] == [2, 4, 4]
    assert made[0].specs["train"]["act_bits"] == [3, 3]
    assert made[2].specs["train"]["weight_bits"] == 4
    (float_point,) = references(load_grid(tmp_path / "test.toml"))
    assert float_point.specs["train"]["weight_bits"] == 0
    assert float_point.specs["train"]["code"]["text"] == BUILD


def test_a_file_in_a_folder_of_its_own(tmp_path: Path) -> None:
    text = OWN.replace("my_net.py:build", "nets/my_net.py:build")
    loaded = load_grid(grid(tmp_path, text, file="nets/my_net.py"))
    assert loaded.network == "my_net"


@pytest.mark.parametrize(
    ("network", "code", "what", "remedy"),
    [
        ("my_net.py", BUILD, "= 'my_net.py' is neither a network nor", "as in my_net.py:build"),
        ("my_net:build", BUILD, "= 'my_net:build' is neither a network nor", "my_net.py:build"),
        ("my_net.py:", BUILD, "= 'my_net.py:' is neither", "my_net.py:build"),
        ("my_net.py:a.b", BUILD, "= 'my_net.py:a.b' is neither", "my_net.py:build"),
        ("other.py:build", BUILD, "other.py: No such file or directory.", "Check the path"),
        ("my_net.py:bild", BUILD, "has no function 'bild' at", "Did you mean 'build'? Valid: bu"),
        ("my_net.py:build", "x = (", "my_net.py, line 1: '(' was never closed.", "Correct"),
        ("my_net.py:build", BUILD.replace("classes", "clases"), "1: build asks for 'clases'",
         "Did you mean 'classes'?"),
        ("my_net.py:build", "def build(x): pass", "asks for 'x', which", "Valid: act_bits, cl"),
        ("my_net.py:build", b"\xff\xfe", "line 1: byte 0xff is not UTF-8", "UTF-8"),
        ("my_net.py:build", b"#" * (2**18 + 1), "is larger than 256 KiB", "Python file of at"),
        ("my_net.py:build", "x = '\\d'\nassert False\n", "no function 'build'", "Write def"),
        ("MyNet", BUILD, "train.network = 'MyNet' is not known", "TFC"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used(
    tmp_path: Path, network: str, code: str | bytes, what: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_grid(grid(tmp_path, OWN.replace("my_net.py:build", network), code))
    assert what in caught.value.what
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ("tfc.py", "tfc is the name of another network"),
        ("my net.py", "'my net' cannot be a name"),
    ],
)
def test_a_name_that_cannot_be(tmp_path: Path, file: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_grid(grid(tmp_path, OWN.replace("my_net.py", file), file=file))


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    path = grid(tmp_path)
    (tmp_path / "my_net.py").unlink()
    (tmp_path / "my_net.py").mkdir()
    with pytest.raises(ConfigError, match=r"my_net.py: Is a directory"):
        load_grid(path)


@pytest.mark.parametrize("bits", ["[[[], 2]]", f"[[{[2] * 65}, 2]]"])
def test_lists_of_bits_that_cannot_be(tmp_path: Path, bits: str) -> None:
    with pytest.raises(ConfigError, match=r"train\.bits"):
        load_grid(grid(tmp_path, re.sub("bits = .*", f"bits = {bits}", OWN)))


def test_a_plan_says_that_it_does_not_know_the_layers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_bottlenecks(load_grid(grid(tmp_path)), Terminal())
    printed = " ".join(capsys.readouterr().out.split())
    assert "known when the network is inspected" in printed
    assert (
        "The layers of my_net are not known yet; defaults of time are those of LeNet5." in printed
    )
