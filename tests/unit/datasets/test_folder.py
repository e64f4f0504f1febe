"""A folder that the user names with BENCH_DATA: used, or refused with a reason."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from fakes import HOST

from bench.datasets.fetching.fetch import fetch
from bench.datasets.fetching.folder import find
from bench.datasets.idx import read
from bench.datasets.model import DataFile, Dataset
from bench.errors import DataError
from bench.runners.host import HostReporter
from bench.runners.wire import Request
from contract.arrays import load_npz

LABELS = bytes((0, 0, 8, 1, 0, 0, 0, 1))
IMAGES = bytes((0, 0, 8, 3)) + bytes((0, 0, 0, 1)) * 3
FILES = {
    "train-images-idx3-ubyte": IMAGES + b"\x01",
    "train-labels-idx1-ubyte": LABELS + b"\x00",
    "t10k-images-idx3-ubyte": IMAGES + b"\x02",
    "t10k-labels-idx1-ubyte": LABELS + b"\x01",
}
OTHER_IMAGES = IMAGES + b"\x09"


class Forbidden:
    """A source that must not be asked."""

    name = "forbidden"

    def deliver(self, *_: object) -> None:
        pytest.fail("another source was asked although the user named a folder")


def dataset(name: str, files: Mapping[str, bytes], *sources: object) -> Dataset:
    return Dataset(
        name=name,
        shape=(1, 1, 1),
        classes=2,
        train_images=1,
        test_images=1,
        files=tuple(
            DataFile(published, hashlib.sha256(data).hexdigest(), len(data))
            for published, data in files.items()
        ),
        sources=sources,  # type: ignore[arg-type]
        read=read,
    )


WANTED = dataset("Tiny-Set", FILES, Forbidden())
OTHER = dataset("Other-Set", {"train-images-idx3-ubyte": OTHER_IMAGES})


def fill(folder: Path, spell: Callable[[str], str] = str, zipped: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for published, data in FILES.items():
        (folder / spell(published)).write_bytes(gzip.compress(data) if zipped else data)


def arrays(outputs: Path) -> list[int]:
    """The one pixel and the one label of either half."""
    parts = [load_npz(outputs / f"{half}.npz", ("images", "labels")) for half in ("train", "test")]
    return [int(array.item()) for half in parts for array in half]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """Runs the stage with BENCH_DATA set to `data` in the temporary folder."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    outputs = tmp_path / "outputs"
    outputs.mkdir()

    def call() -> Path:
        reporter = HostReporter("task", lambda event: None, io.StringIO(), threading.Event())
        spec = json.loads(json.dumps(asdict(WANTED.spec)))
        request = Request(
            stage="dataset", spec=spec, inputs={}, outputs=outputs, scratch=tmp_path,
            cache=tmp_path, result=tmp_path / "result", cpus=1,
        )  # fmt: skip
        fetch(request, reporter, HOST, datasets={"Tiny-Set": WANTED, "Other-Set": OTHER})
        assert reporter.tools == {"source": "folder named by BENCH_DATA"}
        return outputs

    return call


@pytest.mark.parametrize(
    "below", [".", "raw", "TinySet/raw", "tiny-set", "tiny_set/raw", "Tiny-Set", "TINYSET"]
)
def test_usual_folders(run: Callable[[], Path], tmp_path: Path, below: str) -> None:
    fill(tmp_path / "data" / below)
    outputs = run()
    assert arrays(outputs) == [1, 0, 2, 1]


@pytest.mark.parametrize("below", ["inside", "tiny-set/inside"])
def test_the_folder_that_an_archive_unpacks_to(tmp_path: Path, below: str) -> None:
    fill(tmp_path / "data" / below)
    wanted = replace(WANTED, unpacked="inside")
    assert [path.name for path in find(wanted, tmp_path / "data")] == list(FILES)
    with pytest.raises(DataError, match="none of the files"):
        find(WANTED, tmp_path / "data")


@pytest.mark.parametrize(
    ("spell", "zipped"),
    [
        (lambda name: name + ".gz", True),
        (lambda name: name.replace("-idx", ".idx"), False),
        (lambda name: name.replace("-idx", ".idx") + ".gz", True),
        (str, True),  # a browser unpacked the name but not the content
        (lambda name: name + ".gz", False),  # or the other way round
    ],
)
def test_usual_names(
    run: Callable[[], Path], tmp_path: Path, spell: Callable[[str], str], zipped: bool
) -> None:
    fill(tmp_path / "data", spell, zipped)
    assert arrays(run()) == [1, 0, 2, 1]


def test_a_folder_named_like_the_set_goes_first(run: Callable[[], Path], tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "data" / "train-images-idx3-ubyte").write_bytes(OTHER_IMAGES)
    fill(tmp_path / "data" / "TinySet" / "raw")
    assert arrays(run()) == [1, 0, 2, 1]


@pytest.mark.parametrize("zipped", [False, True])
def test_wrong_checksum(run: Callable[[], Path], tmp_path: Path, zipped: bool) -> None:
    fill(tmp_path / "data", zipped=zipped)
    wrong = LABELS + b"\x05"
    path = tmp_path / "data" / "t10k-labels-idx1-ubyte"
    path.write_bytes(gzip.compress(wrong) if zipped else wrong)
    with pytest.raises(DataError) as caught:
        run()
    assert str(path) in caught.value.what
    assert WANTED.files[3].checksum in caught.value.what
    assert hashlib.sha256(wrong).hexdigest() in caught.value.what
    assert "BENCH_DATA" in caught.value.remedy


def test_file_of_another_data_set(run: Callable[[], Path], tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "data" / "train-images-idx3-ubyte").write_bytes(OTHER_IMAGES)
    with pytest.raises(DataError, match="That is a file of Other-Set"):
        run()


def test_damaged_archive(run: Callable[[], Path], tmp_path: Path) -> None:
    fill(tmp_path / "data", lambda name: name + ".gz", zipped=True)
    path = tmp_path / "data" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        run()


def test_none_of_the_files(run: Callable[[], Path], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError) as caught:
        run()
    assert "none of the files of Tiny-Set" in caught.value.what
    assert all(published in caught.value.what for published in FILES)


def test_some_files_missing(run: Callable[[], Path], tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "data" / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        run()
    assert "t10k-images-idx3-ubyte" in caught.value.what
    assert "train-images-idx3-ubyte" not in caught.value.what


def test_folder_does_not_exist(run: Callable[[], Path]) -> None:
    with pytest.raises(DataError, match="No such file or directory"):
        run()


def test_folder_is_a_file(run: Callable[[], Path], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("oops")
    with pytest.raises(DataError, match="cannot be read as a folder"):
        run()


def test_a_set_may_share_the_folder_of_another(tmp_path: Path) -> None:
    """Beside another set, whose files are called the same."""
    fill(tmp_path / "tiny-set")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(OTHER_IMAGES)
    shared = replace(WANTED, name="Tiny-Set-RGB", files_of="Tiny-Set")
    assert {path.parent for path in find(shared, tmp_path)} == {tmp_path / "tiny-set"}
