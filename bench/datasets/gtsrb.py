"""GTSRB: photographs of German traffic signs. J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel.

The final training set and the final test set of the benchmark
(https://benchmark.ini.rub.de/gtsrb_dataset.html). Pictures have 15x15 to 250x250 pixels and a
margin around the sign; they are resized to 32x32, margin included, with Pillow's bilinear filter.
Tables beside the pictures have the class of each; that of the test set is an archive of its own.

Only MD5 checksums are published: in the sources of torchvision (test set) and NEVIS'22 (both).
"""

from __future__ import annotations

import csv
import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.console.text import excerpt
from bench.datasets.fetching.web import WebFolder
from bench.datasets.model import DataFile, Dataset, Images
from bench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SIDE = 32
_LARGEST = 1024  # pixels a side; the largest picture has 250
_DAMAGED = (zipfile.BadZipFile, zlib.error, OSError, ValueError, KeyError, csv.Error)
_REMEDY = "Correct the declaration of this data set: it names another kind of file."


def read(folder: Path, files: Sequence[DataFile]) -> tuple[Images, Images]:
    """The pictures and their classes: training archive, test archive, classes of the test set.

    Raises:
        DataError: An archive lacks something, or a picture or table is none.
    """
    training, test, classes = (_Archive(folder / file.name) for file in files)
    tables = [name for name in training.names if _is_table_of_a_class(name)]
    listed = (row for name in tables for row in training.rows(name))
    places = {name.rpartition("/")[2]: name for name in test.names}
    tests = (
        (places.get(name, name), label)
        for table in classes.names
        if table.endswith(".csv")
        for name, label in classes.rows(table)
    )
    return training.images(listed), test.images(tests)


def _is_table_of_a_class(name: str) -> bool:
    """Such as `GTSRB/Final_Training/Images/00007/GT-00007.csv`."""
    return name.endswith(".csv") and "/GT-" in name


class _Archive:
    """A zip archive of pictures and tables; names in it are never used as paths."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGED as error:
            raise self._wrong("the archive", error) from error

    @property
    def names(self) -> list[str]:
        """Of its files, sorted."""
        return sorted(self._zip.namelist())

    def rows(self, table: str) -> Iterator[tuple[str, int]]:
        """The pictures that a table lists, by their names in the archive, and their classes."""
        folder = table.rpartition("/")[0]
        try:
            text = self._zip.read(table).decode("ascii")
            for row in csv.DictReader(io.StringIO(text), delimiter=";"):
                yield "/".join(filter(None, (folder, row["Filename"]))), int(row["ClassId"])
        except (*_DAMAGED, TypeError) as error:
            raise self._wrong(table, error) from error

    def images(self, listed: Iterable[tuple[str, int]]) -> Images:
        """The pictures `listed`, resized, with their classes."""
        import numpy as np  # noqa: PLC0415

        pictures, labels = [], []
        for name, label in listed:
            pictures.append(self._picture(name))
            labels.append(label)
        if not pictures or not 0 <= min(labels) <= max(labels) < DATASET.classes:
            raise self._wrong("the archive", ValueError("it lists no pictures, or other classes"))
        return Images(np.stack(pictures), np.array(labels, np.uint8))

    def _picture(self, name: str) -> npt.NDArray[np.uint8]:
        """A picture as [3, SIDE, SIDE]."""
        import numpy as np  # noqa: PLC0415
        from PIL import Image  # noqa: PLC0415

        try:
            with Image.open(io.BytesIO(self._zip.read(name)), formats=["PPM"]) as picture:
                if max(picture.size) > _LARGEST:
                    raise ValueError(f"it has {picture.size} pixels")
                small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        except _DAMAGED as error:
            raise self._wrong(name, error) from error
        return np.asarray(small).transpose(2, 0, 1)

    def _wrong(self, what: str, error: Exception) -> DataError:
        reason = excerpt(str(error) or type(error).__name__, 120)
        where = f"{self._path.name}: {excerpt(what, 100)}"
        return DataError(f"{where} cannot be used: {reason}.", _REMEDY)


DATASET = Dataset(
    name="GTSRB",
    shape=(3, SIDE, SIDE),
    classes=43,
    train_images=39_209,
    test_images=12_630,
    files=(
        DataFile(
            "GTSRB_Final_Training_Images.zip", "f33fd80ac59bff73c82d25ab499e03a3", 276_294_756
        ),
        DataFile("GTSRB_Final_Test_Images.zip", "c7e4e6327067d32654124b0fe9e82185", 88_978_620),
        DataFile("GTSRB_Final_Test_GT.zip", "fe31e9c9270bbcd7b84b7f21a9d9d9e5", 99_620),
    ),
    sources=(
        WebFolder(
            "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370/", suffix=""
        ),
    ),
    read=read,
)
