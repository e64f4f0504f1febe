"""What a user adds from files outside the package, and how mistakes in these are told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import GRID, write_grid

from bench.datasets import DATASETS
from bench.errors import ConfigError
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.networks import NETWORKS
from bench.pipeline import plan
from contract.architecture import LayerShape
from contract.layers import layers_of

AddFile = Callable[[str, str], Path]
CONVOLUTIONS = """
from bench.networks import Defaults, Network
from contract.layers import layers_of
from contract.architecture import *

NETWORK = Network(
    name="MyNet",
    architecture=Architecture(
        layers=(
            ScalePixels(), Conv2d(4, kernel=3), BatchNorm(), ReLU(), Flatten(), Linear(CLASSES)
        ),
    ),
    defaults=Defaults(image_size=8, dropout=0.5),
)
"""
COLOURS = """
import numpy as np
from bench.datasets import DataFile, Dataset, Images

def read(folder, files):
    raise NotImplementedError

DATASET = Dataset(
    name="Colours", shape=(3, 20, 20), classes=7, train_images=50, test_images=2000,
    files=(DataFile("all.bin", "0" * 64, 9),), sources=(), read=read,
)
"""


def on_my_data(text: str) -> str:
    """A grid's text with the network and the data set of these tests."""
    text = text.replace('"TFC"', '"MyNet"').replace('"MNIST"', '"Colours"')
    text = text.replace("epochs = 2", "epochs = 2\nbatch_size = 5")
    return text.replace('foldings = ["low", "max"]', "target_fps = [100.0]")


def test_a_network_and_a_data_set_of_one_file_each_are_planned(
    extension: AddFile, tmp_path: Path
) -> None:
    """Nothing else is touched: no list of names, shapes or counts anywhere."""
    extension("my_net.py", CONVOLUTIONS)
    extension("colours.py", COLOURS)
    assert {"MyNet", "TFC"} <= set(NETWORKS)
    assert {"Colours", "MNIST"} <= set(DATASETS)
    folder = tmp_path / "grids"
    folder.mkdir()
    tasks = plan(expand(load_grid(write_grid(folder, on_my_data(GRID)))))
    train = next(task.spec for task in tasks if task.stage.name == "train")
    dataset = next(task.spec for task in tasks if task.stage.name == "dataset")
    assert (train["image_size"], train["dropout"], train["batch_size"]) == (8, 0.5, 5)
    assert layers_of({"train": train, "dataset": dataset}) == (
        LayerShape(inputs=27, outputs=4, pixels=36, kernel=3, name="conv1", image=(8, 8)),
        LayerShape(inputs=144, outputs=7, name="fc1"),
    )


def test_images_that_the_network_cannot_take_are_refused_before_anything_runs(
    extension: AddFile, tmp_path: Path
) -> None:
    extension("my_net.py", CONVOLUTIONS)
    text = GRID.replace('"TFC"', '"MyNet"').replace("epochs = 2", "epochs = 2\nimage_size = 2")
    with pytest.raises(ConfigError, match=r"MyNet cannot be trained on MNIST with .*kernel 3"):
        load_grid(write_grid(tmp_path, text))


def test_counts_of_a_data_set_are_those_of_its_file(extension: AddFile, tmp_path: Path) -> None:
    extension("my_net.py", CONVOLUTIONS)
    extension("colours.py", COLOURS)
    text = on_my_data(GRID) + "[simulate]\nimages = 2001\n"
    with pytest.raises(ConfigError, match=r"simulate.images = 2001, and Colours has 2,000 test"):
        load_grid(write_grid(tmp_path, text))


def test_what_a_file_changes_is_part_of_the_key(extension: AddFile, tmp_path: Path) -> None:
    """A comment in a network's file changes nothing; a reader of a data set may."""
    path = extension("my_net_too.py", CONVOLUTIONS)
    before = NETWORKS["MyNet"].architecture.to_json()
    path.write_text(CONVOLUTIONS + "# a comment\n")
    assert NETWORKS["MyNet"].architecture.to_json() == before
    first = extension("colours_too.py", COLOURS)
    assert DATASETS["Colours"].spec.reader != DATASETS["MNIST"].spec.reader
    assert DATASETS["MNIST"].spec.reader == DATASETS["Fashion-MNIST"].spec.reader
    assert first.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("x = 1\ny = (\n", "line 2: SyntaxError"),
        ("x = 1\n\nraise ValueError('not today')\n", "line 3: ValueError: not today"),
        ("import no_such_module_anywhere\n", "line 1: ModuleNotFoundError"),
        ("import sys\nsys.exit(3)\n", "line 2: SystemExit: 3"),
        ("x = 1\nNETWORK = 5\n", "line 2: NETWORK is int"),
        (CONVOLUTIONS.replace("kernel=3", "kernel=0"), "ArchitectureError: Conv2d: kernel is 0"),
        (CONVOLUTIONS.replace("Flatten(), ", ""), "put Flatten before"),
        (CONVOLUTIONS.replace('"MyNet"', '"my/net"'), "with the name 'my/net'"),
        (CONVOLUTIONS.replace('"MyNet"', '"TFC"'), "a second network 'TFC'"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_its_line(
    extension: AddFile, text: str, complaint: str
) -> None:
    path = extension("wrong.py", text)
    with pytest.raises(ConfigError) as caught:
        list(NETWORKS)
    assert str(path) in caught.value.what
    assert complaint in caught.value.what
    assert caught.value.remedy


def test_a_file_named_like_a_module_of_pythons(extension: AddFile) -> None:
    extension("json.py", CONVOLUTIONS)
    with pytest.raises(ConfigError, match=r"json\.py: Python has a module 'json'"):
        list(NETWORKS)


def test_a_folder_that_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_EXTENSIONS", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match=r"BENCH_EXTENSIONS names .*nowhere, which is no folder"):
        list(NETWORKS)


def test_files_of_extensions_may_read_registers_and_each_other(extension: AddFile) -> None:
    extension("base_net.py", CONVOLUTIONS)
    extension(
        "another.py",
        "from dataclasses import replace\nfrom base_net import NETWORK as BASE\n"
        "from bench.networks import NETWORKS\n"
        "assert 'TFC' in NETWORKS\nNETWORK = replace(BASE, name='Another')\n",
    )
    assert {"MyNet", "Another"} <= set(NETWORKS)


def test_what_an_extension_adds_by_itself(extension: AddFile) -> None:
    extension(
        "adding.py",
        "from dataclasses import replace\nfrom bench.networks import NETWORKS\n"
        "for width in ('A', 'B'):\n"
        "    NETWORKS.add(replace(NETWORKS['TFC'], name=f'Net{width}'))\n",
    )
    assert {"NetA", "NetB", "TFC"} <= set(NETWORKS)


def test_several_folders(
    extension: AddFile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = extension("in_first.py", CONVOLUTIONS).parent
    second = tmp_path / "second"
    second.mkdir()
    (second / "in_second.py").write_text(CONVOLUTIONS.replace("MyNet", "Second"))
    monkeypatch.setenv("BENCH_EXTENSIONS", f"{first}{os.pathsep}{second}")
    assert {"MyNet", "Second"} <= set(NETWORKS)
