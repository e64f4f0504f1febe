"""A folder that the user names with BENCH_DATA: used, or refused with a reason."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_sets import OTHER, PUBLISHED, TINY, Stage, dataset, idx

from bench.datasets.fetching.folder import find
from bench.errors import DataError


class Forbidden:
    """A source that must not be asked."""

    name = "forbidden"

    def deliver(self, *_: object) -> None:
        pytest.fail("another source was asked although the user named a folder")


WANTED = dataset(TINY, Forbidden())  # type: ignore[arg-type]
FOREIGN = {PUBLISHED[0]: OTHER[PUBLISHED[0]]}


def fill(folder: Path, spell: Callable[[str], str] = str, zipped: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for published, data in TINY.items():
        (folder / spell(published)).write_bytes(gzip.compress(data) if zipped else data)


@pytest.fixture
def run(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Runs the stage with BENCH_DATA set to `data` in the temporary folder; it has to deliver."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))

    def call() -> None:
        stage.run(WANTED, others=[dataset(FOREIGN, name="Other-Set")])
        assert stage.reporter.tools == {"source": "folder named by BENCH_DATA"}
        stage.assert_delivered()

    return call


@pytest.mark.parametrize(
    "below", [".", "raw", "TinySet/raw", "tiny-set", "tiny_set/raw", "Tiny-Set", "TINYSET"]
)
def test_usual_folders(run: Callable[[], None], tmp_path: Path, below: str) -> None:
    fill(tmp_path / "data" / below)
    run()


@pytest.mark.parametrize("below", ["inside", "tiny-set/inside"])
def test_the_folder_that_an_archive_unpacks_to(tmp_path: Path, below: str) -> None:
    fill(tmp_path / "data" / below)
    wanted = replace(WANTED, unpacked="inside")
    assert [path.name for path in find(wanted, tmp_path / "data")] == list(TINY)
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
    run: Callable[[], None], tmp_path: Path, spell: Callable[[str], str], zipped: bool
) -> None:
    fill(tmp_path / "data", spell, zipped)
    run()


def test_a_folder_named_like_the_set_goes_first(run: Callable[[], None], tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "data" / PUBLISHED[0]).write_bytes(FOREIGN[PUBLISHED[0]])
    fill(tmp_path / "data" / "TinySet" / "raw")
    run()


@pytest.mark.parametrize("zipped", [False, True])
def test_wrong_checksum(run: Callable[[], None], tmp_path: Path, zipped: bool) -> None:
    fill(tmp_path / "data", zipped=zipped)
    wrong = idx((2,), bytes((0, 5)))
    path = tmp_path / "data" / PUBLISHED[3]
    path.write_bytes(gzip.compress(wrong) if zipped else wrong)
    with pytest.raises(DataError) as caught:
        run()
    assert str(path) in caught.value.what
    assert WANTED.files[3].checksum in caught.value.what
    assert hashlib.sha256(wrong).hexdigest() in caught.value.what
    assert "BENCH_DATA" in caught.value.remedy


def test_file_of_another_data_set(run: Callable[[], None], tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "data" / PUBLISHED[0]).write_bytes(FOREIGN[PUBLISHED[0]])
    with pytest.raises(DataError, match="That is a file of Other-Set"):
        run()


def test_damaged_archive(run: Callable[[], None], tmp_path: Path) -> None:
    fill(tmp_path / "data", lambda name: name + ".gz", zipped=True)
    path = tmp_path / "data" / "train-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        run()


def test_none_of_the_files(run: Callable[[], None], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError) as caught:
        run()
    assert "none of the files of Tiny-Set" in caught.value.what
    assert all(published in caught.value.what for published in TINY)


def test_some_files_missing(run: Callable[[], None], tmp_path: Path) -> None:
    fill(tmp_path / "data")
    (tmp_path / "data" / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(DataError) as caught:
        run()
    assert "t10k-images-idx3-ubyte" in caught.value.what
    assert "train-images-idx3-ubyte" not in caught.value.what


def test_folder_does_not_exist(run: Callable[[], None]) -> None:
    with pytest.raises(DataError, match="No such file or directory"):
        run()


def test_folder_is_a_file(run: Callable[[], None], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("oops")
    with pytest.raises(DataError, match="cannot be read as a folder"):
        run()


def test_a_set_may_share_the_folder_of_another(tmp_path: Path) -> None:
    """Beside another set, whose files are called the same."""
    fill(tmp_path / "tiny-set")
    (tmp_path / PUBLISHED[0]).write_bytes(FOREIGN[PUBLISHED[0]])
    shared = replace(WANTED, name="Tiny-Set-RGB", files_of="Tiny-Set")
    assert {path.parent for path in find(shared, tmp_path)} == {tmp_path / "tiny-set"}
