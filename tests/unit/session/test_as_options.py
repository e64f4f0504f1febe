"""What is wrong on the command line is named as it was typed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.errors import ConfigError
from bench.session.as_options import in_options
from bench.session.grids import Changes, open_grid
from bench.session.inspection import OPTIONS, Asked, grid_asked
from bench.session.inspection import _as_table as as_table

KEY = re.compile(r"\b(train|model|build|simulate)\.\w")


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked(what="TFC", bits=("0,4",)), "--bits = 0: give a whole number"),
        (Asked(what="TFC", bits=("2,2", "2,2")), "--bits names"),
        (Asked(what="TFC", foldings=("2e9",)), "--folding = 2000000000.0: give a number"),
        (Asked(what="TFC", foldings=("5e8",)), "--folding = 5e+08, and the clock has"),
        (Asked(what="TFC", foldings=("low", "low")), "--folding names 'low' twice"),
        (Asked(what="TFC", foldings=("no such",)), "--folding"),
        (Asked(what="TFC", foldings=("lowest",)), "--folding"),
        (Asked(what="TFC", foldings=("none.json",)), "--folding"),
        (Asked(what="TFC", boards=("Pynq",)), "--board = 'Pynq' is not known"),
        (Asked(what="TFC", boards=("ZCU104", "ZCU104")), "--board names 'ZCU104' twice"),
        (Asked(what="TFC", clock_mhz=9000.0), "--clock"),
        (Asked(what="TFC", dataset="MINST"), "--dataset = 'MINST' is not known"),
        (Asked(what="TFC", dataset="none.npz"), "--dataset: there is no file"),
        (Asked(what="none.py:build"), "WHAT: "),
        (Asked(what="none.onnx"), "WHAT: there is no file"),
        (Asked(what="none.onnx", dataset="MINST"), "--dataset = 'MINST' is not known"),
        (Asked(what="none.onnx", images="none.npz"), "--images: there is no file"),
    ],
)
def test_an_option_is_named_not_a_key(
    asked: Asked, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        grid_asked(asked)
    assert says in caught.value.what
    assert not KEY.search(f"{caught.value.what} {caught.value.remedy}")
    assert "the file and rerun" not in caught.value.remedy


def test_every_key_that_the_command_line_gives_has_its_option() -> None:
    network = Asked(what="TFC", foldings=("low", "a.json", "1000"))
    with_images = Asked(what="m.onnx", images="a.npz")
    with_data = Asked(what="m.onnx", dataset="MNIST")
    tables = [as_table(asked)[1] for asked in (network, with_images, with_data)]
    given = {
        f"{name}.{key}"
        for table in tables
        for name, keys in table.items()
        if isinstance(keys, dict)
        for key in keys
    }
    assert given - OPTIONS.keys() == {"train.seeds", "train.epochs", "train.milestones"}


def test_changes_of_a_grid_are_named_as_options(grid_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--images = 100000, and MNIST has"):
        open_grid(grid_file, Changes(images=100_000))


def test_other_words_stay_as_they_are() -> None:
    error = ConfigError("a/b.toml: see my.train.bits, train.bits_of, train.bits.", "Correct it.")
    worded = in_options(error, Path("a/b.toml"), {"train.bits": "--bits"}, "Other.")
    assert worded.what == "see my.train.bits, train.bits_of, --bits."
    assert worded.remedy == "Correct it."
