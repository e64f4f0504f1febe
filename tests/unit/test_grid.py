"""Grids: what is valid, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import ConfigError
from bench.experiment import expand
from bench.grid import divisors, load_grid
from bench.paths import ROOT


def change(path: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def test_every_shipped_grid_is_valid() -> None:
    for path in (ROOT / "experiments").glob("*.toml"):
        if path.name != "foldings.toml":
            grid = load_grid(path)
            assert grid.name == path.stem
            names = [experiment.name for experiment in expand(grid)]
            assert len(set(names)) == len(names) > 0


def test_expansion_covers_the_product_of_dimensions(grid_file: Path) -> None:
    names = [experiment.name for experiment in expand(load_grid(grid_file))]
    assert names == [
        "tfc-mnist-w2a2-s1-low",
        "tfc-mnist-w2a2-s1-max",
        "tfc-mnist-w4a4-s1-low",
        "tfc-mnist-w4a4-s1-max",
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"TFC"', '"TCF"', ["train.network = 'TCF'", "Did you mean 'TFC'?"]),
        ('"MNIST"', '"fashion"', ["train.dataset = 'fashion'", "'Fashion-MNIST'"]),
        ('"Pynq-Z1"', '"pynq-z1"', ["build.board = 'pynq-z1'", "Did you mean 'Pynq-Z1'?"]),
        ('"max"]', '"maxx"]', ["build.foldings = 'maxx'", "Did you mean 'max'?"]),
        ("epochs", "epoch", ["unknown key 'train.epoch'", "Did you mean 'epochs'?"]),
        ("[build]", "[biuld]", ["unknown key 'biuld'", "Did you mean 'build'?"]),
        ("epochs = 2", 'epochs = "2"', ["train.epochs = '2'", "integer"]),
        ("epochs = 2", "epochs = 0", ["train.epochs = 0", "greater than 0"]),
        ("[2, 2]", "[1, 2]", ["train.bits.0.0 = 1", "from 2 to 8"]),
        ("[4, 4]", "[4, 9]", ["train.bits.1.1 = 9", "from 2 to 8"]),
        ("[4, 4]", "[2, 2]", ["train.bits names a value twice"]),
        ("clock_mhz = 100.0", "clock_mhz = -1.0", ["build.clock_mhz", "greater than 0"]),
        ('name = "test"', "", ["the key 'name' is missing"]),
        ('name = "test"', 'name = "../x"', ["name = '../x'"]),
        ("[train]", "[train", ["not valid TOML"]),
        (
            "clock_mhz = 100.0",
            'clock_mhz = 100.0\n[measure]\nboard = "emulted"',
            ["measure.board = 'emulted'", "Did you mean 'emulated'?"],
        ),
    ],
)
def test_bad_input_is_named_with_the_nearest_valid(
    grid_file: Path, old: str, new: str, expected: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_grid(change(grid_file, old, new))
    message = f"{caught.value.what} {caught.value.remedy}"
    for part in expected:
        assert part in message


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[5, 1]", "[4, 1]", ["layer 4: PE 4 does not divide its 10 outputs", "1, 2, 5, 10"]),
        ("[[2, 8]", "[[2, 9]", ["layer 1: SIMD 9 does not divide its 1024 inputs", "512, 1024"]),
        (", [5, 1]", "", ["has 3 layers, the network has 4"]),
        ("[5, 1]", "[5]", ["not a list of [PE, SIMD] pairs"]),
        ("[5, 1]", "[0, 1]", ["not a list of [PE, SIMD] pairs"]),
    ],
)
def test_a_folding_that_cannot_be_is_refused(
    grid_file: Path, old: str, new: str, expected: list[str]
) -> None:
    change(grid_file.parent / "foldings.toml", old, new)
    with pytest.raises(ConfigError) as caught:
        load_grid(grid_file)
    message = f"{caught.value.what} {caught.value.remedy}"
    for part in expected:
        assert part in message


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_grid(tmp_path / "none.toml")


@given(st.integers(min_value=1, max_value=5000))
def test_divisors_are_all_the_numbers_that_divide(number: int) -> None:
    assert divisors(number) == [n for n in range(1, number + 1) if number / n == number // n]
