"""Data sets of a user's own: an npz file beside the grid: x_train, y_train, x_test and y_test.

x is [N, H, W], [N, H, W, C], or [N, F] for features; of whole numbers (uint8, int8), or of floats
that stand for whole numbers as the file states: x = x_scale * (number - x_zero_point), each number
one of x_datatype. y is [N], classes from 0. All is checked when a grid is read; the `dataset` stage
then writes the whole numbers.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench.console.text import counted
from bench.datasets.model import Images
from bench.errors import ConfigError, DataError
from bench.input.given import GivenFile, examine
from bench.input.names import require_name
from bench.input.npz import LARGEST, Header, Npz
from contract.stages.dataset import DATATYPES, DatasetSpec, Quantization

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

HALVES = ("train", "test")
SETTINGS = ("x_scale", "x_zero_point", "x_datatype")
MOST_CLASSES = 256
LARGEST_SIDE = 1024
MOST_VALUES = 1 << 20
"""Of an image."""
_LONGEST_SETTING = 64  # bytes
TOLERANCE = 1e-4
"""Of a step by which a float may miss its whole number: float32 has rounded it."""

_WHOLE = {"uint8": "UINT8", "int8": "INT8"}
_FLOATS = ("float16", "float32", "float64")
_COLOURS = (1, 3, 4)
_AS_UINT8 = "Give uint8, or floats and x_scale (docs/how-to/own-data.md)."


@dataclass(frozen=True)
class Found:
    """What is in a user's file.

    Attributes:
        shape: Of an image: channels, height, width.
        classes: Their number; 0 without labels.
        train_images, test_images: How many; a file for a trained model may have none to train with.
        quantization: What the numbers of its images stand for.
    """

    shape: tuple[int, int, int]
    classes: int
    train_images: int
    test_images: int
    quantization: Quantization


def own_data(where: str, path: Path, *, to_train: bool) -> tuple[DatasetSpec, GivenFile]:
    """The data set in a user's file, checked, and the file.

    Args:
        where: The key that names the file; begins every message.
        path: The file.
        to_train: Whether a network is trained on it. A model that is trained already needs x_test
            only, y_test where there are labels.

    Raises:
        ConfigError: There is no such file, or it holds no data set.
    """
    name = require_name(f"{where}, the data set in {path.name}", path.stem)
    given = examine(where, path, LARGEST, "a data set has to fit into memory")
    found = _found(where, given, to_train)
    spec = DatasetSpec(
        name=name,
        **vars(found),
        checksums=((path.name, given.sha256),),
        reader=hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
        given=True,
    )
    return spec, given


@lru_cache(maxsize=16)
def _found(where: str, given: GivenFile, to_train: bool) -> Found:
    """What is in the file; commands open a grid several times."""
    with Npz(f"{where}: {given.path}", given.path) as npz:
        return _Reader(npz, HALVES if to_train else HALVES[1:]).found()


def read(name: str, path: Path, spec: DatasetSpec) -> Iterator[tuple[str, Images]]:
    """The images and labels in a user's file that was checked before, a half at a time.

    Args:
        name: What the user knows the file by.
        path: Where it is.
        spec: What was found in it.

    Raises:
        DataError: It is damaged, among the values of its images.
    """
    try:
        with Npz(name, path) as npz:
            reader = _Reader(npz, HALVES if spec.train_images else HALVES[1:])
            for half in reader.halves:
                yield half, reader.images(half, spec.quantization)
    except ConfigError as error:
        raise DataError(error.what, error.remedy) from None


class _Reader:
    """Reads an npz file with the arrays of `halves`."""

    def __init__(self, npz: Npz, halves: Sequence[str]) -> None:
        self._npz = npz
        self.halves = halves

    def found(self) -> Found:
        """What the file holds, checked."""
        self._require_names()
        shapes = {half: self._shape(f"x_{half}") for half in self.halves}
        if len(set(shapes.values())) > 1:
            train, test = (self._npz.headers[f"x_{half}"] for half in HALVES)
            self._wrong(
                f"x_train is {train} and x_test {test}",
                "Give both images of one shape and type.",
            )
        labels = {half: self.labels(half) for half in self.halves if f"y_{half}" in self._arrays}
        counts = {half: self._npz.headers[f"x_{half}"].shape[0] for half in self.halves}
        return Found(
            shape=shapes["test"][0],
            classes=self._classes(labels),
            train_images=counts.get("train", 0),
            test_images=counts["test"],
            quantization=self._quantization(),
        )

    def images(self, half: str, quantization: Quantization) -> Images:
        """The images of a half as whole numbers, [N, C, H, W], with their labels."""
        import numpy as np  # noqa: PLC0415

        name = f"x_{half}"
        shape, _ = self._shape(name)
        header = self._npz.headers[name]
        size = (header.shape[0], *shape)
        images: npt.NDArray[np.uint8 | np.int8]
        images = np.empty(size, np.int8) if quantization.signed else np.empty(size, np.uint8)
        done = 0
        for piece in self._npz.pieces(name):
            numbers = self._whole_numbers(name, piece, done, quantization)
            if numbers.ndim == 4:  # the channel comes last in the file
                numbers = numbers.transpose(0, 3, 1, 2)
            images[done : done + len(piece)] = numbers.reshape(len(piece), *shape)
            done += len(piece)
        labels = self.labels(half) if f"y_{half}" in self._arrays else None
        return Images(images, labels)

    def labels(self, half: str) -> npt.NDArray[np.uint8]:
        """The labels of a half, uint8 [N], checked one by one."""
        import numpy as np  # noqa: PLC0415

        name, header = f"y_{half}", self._npz.headers[f"y_{half}"]
        count = self._npz.headers[f"x_{half}"].shape[0]
        if header.dtype.kind not in "iufb":
            self._wrong(f"array {name} is {header}", "Give each image's class as a whole number.")
        if header.shape not in ((count,), (count, 1)):
            remedy = f"Give {name} as {counted(count, 'number')} of classes, one for each image"
            one_hot = header.shape[:1] == (count,) and len(header.shape) == 2
            hint = f": {name}.argmax(axis=1), if it has a column for each class" if one_hot else ""
            self._wrong(
                f"array {name} is {header}, and x_{half} has {counted(count, 'image')}",
                f"{remedy}{hint}.",
            )
        values = np.concatenate([*self._npz.pieces(name)]).reshape(count)
        number = values.astype(np.float64)
        odd = np.flatnonzero(~np.isfinite(number) | (number != np.rint(number)))
        odd = odd if len(odd) else np.flatnonzero((number < 0) | (number >= MOST_CLASSES))
        if len(odd):
            self._wrong(
                f"array {name}: the label of image {odd[0]} is {values[odd[0]]}",
                f"Labels are whole numbers from 0 to {MOST_CLASSES - 1}.",
            )
        return values.astype(np.uint8)

    @property
    def _arrays(self) -> set[str]:
        return set(self._npz.headers)

    def _wrong(self, what: str, remedy: str) -> NoReturn:
        raise self._npz.wrong(what, remedy)

    def _require_names(self) -> None:
        """All arrays are there that are needed, and none that is not known."""
        to_train = "train" in self.halves
        needed = [f"{kind}_{half}" for half in HALVES for kind in "xy"] if to_train else ["x_test"]
        known = {*(f"{kind}_{half}" for half in HALVES for kind in "xy"), *SETTINGS}
        if missing := [name for name in needed if name not in self._arrays]:
            there = ", ".join(sorted(self._arrays)) or "no array"
            self._wrong(
                f"array {missing[0]} is missing (there: {there})",
                f"Give {', '.join(needed)}: docs/how-to/own-data.md.",
            )
        if unknown := sorted(self._arrays - known):
            self._wrong(
                f"array {unknown[0]} is not known",
                f"Leave it out; known are {', '.join(sorted(known))}.",
            )

    def _shape(self, name: str) -> tuple[tuple[int, int, int], str]:
        """Of an image, (C, H, W), and the type of its numbers."""
        header = self._npz.headers[name]
        if header.dtype.name not in (*_WHOLE, *_FLOATS):
            self._wrong(f"array {name} is {header}, neither uint8, int8 nor float", _AS_UINT8)
        if math.prod(header.shape) == 0:
            self._wrong(f"array {name} is empty: {header}", "Give at least one image.")
        match header.shape[1:]:
            case (features,):
                shape = features, 1, 1
            case (height, width):
                shape = 1, height, width
            case (height, width, channels):
                shape = channels, height, width
                self._require_channels_last(name, header)
            case _:
                self._wrong(
                    f"array {name} is {header}",
                    "Give images as [N, H, W] or [N, H, W, C], or features as [N, F].",
                )
        if max(shape[1:]) > LARGEST_SIDE or math.prod(shape) > MOST_VALUES:
            most = f"{LARGEST_SIDE} pixels a side and {MOST_VALUES:,} values in all"
            self._wrong(f"array {name} is {header}; an image may have {most}", "Give smaller ones.")
        return shape, header.dtype.name

    def _require_channels_last(self, name: str, header: Header) -> None:
        _, height, _, channels = header.shape
        if height in _COLOURS and channels not in _COLOURS:
            self._wrong(
                f"array {name} is {header}, which looks like [N, C, H, W]",
                f"Give [N, H, W, C]: {name}.transpose(0, 2, 3, 1). Images of "
                f"{counted(height, 'row')} and {channels} channels are taken with height and width "
                "exchanged.",
            )

    def _classes(self, labels: dict[str, npt.NDArray[np.uint8]]) -> int:
        """How many; each has an image to train with, and at least two there are."""
        import numpy as np  # noqa: PLC0415

        if "train" not in labels:
            return int(labels["test"].max()) + 1 if labels else 0
        seen = np.unique(labels["train"])
        if len(seen) == 1:
            self._wrong(
                f"array y_train: every image is of class {seen[0]}", "Give two classes or more."
            )
        count = int(seen[-1]) + 1
        if len(seen) != count:
            absent = next(number for number in range(count) if number not in seen)
            self._wrong(
                f"array y_train: no image is of class {absent}, and there is a class {count - 1}",
                "Number the classes from 0, without gaps.",
            )
        if (most := int(labels["test"].max())) >= count:
            self._wrong(
                f"array y_test: there is a class {most}, and those of y_train end at {count - 1}",
                "Test with the classes that are trained.",
            )
        return count

    def _quantization(self) -> Quantization:
        """What is stated of the numbers, or follows from them; checked against all of them."""
        kind = self._npz.headers["x_test"].dtype.name
        scale = self._stated_scale(kind)
        zero_point = self._stated("x_zero_point", 0)
        datatype = self._stated("x_datatype", _WHOLE.get(kind, ""))
        if not datatype:
            low = min(
                float(piece.min()) / scale
                for half in self.halves
                for piece in self._npz.pieces(f"x_{half}")
            )
            datatype = "INT8" if low + zero_point < -0.5 else "UINT8"
        try:
            quantization = Quantization(datatype=datatype, scale=scale, zero_point=zero_point)
        except ValueError as error:
            self._wrong(f"x_scale, x_zero_point and x_datatype: {error}", f"It is {DATATYPES}.")
        if _WHOLE.get(kind) != quantization.datatype:  # else every number is one of it
            for half in self.halves:
                done = 0
                for piece in self._npz.pieces(f"x_{half}"):
                    self._whole_numbers(f"x_{half}", piece, done, quantization)
                    done += len(piece)
        return quantization

    def _stated_scale(self, kind: str) -> float:
        if kind == "uint8" and "x_scale" not in self._arrays:
            return 1 / 255
        if "x_scale" not in self._arrays:
            self._wrong(
                f"x_test is {kind}, and x_scale is missing",
                "State what a step stands for: x = x_scale * (number - x_zero_point); or give "
                "uint8, whose 0 to 255 stand for 0 to 1.",
            )
        stated = self._stated("x_scale", 1.0)
        if not (math.isfinite(stated) and stated > 0):
            self._wrong(f"x_scale is {stated}", "Give a number above 0.")
        return float(stated)

    def _stated(self, name: str, otherwise: Any) -> Any:
        """The value of one of `SETTINGS`, of the type that it has to be of."""
        if name not in self._arrays:
            return otherwise
        wanted = {"x_datatype": "US", "x_scale": "fiu", "x_zero_point": "fiu"}[name]
        header = self._npz.headers[name]
        if header.dtype.kind not in wanted or header.dtype.itemsize > _LONGEST_SETTING:
            kind = "text" if name == "x_datatype" else "a number"
            self._wrong(f"array {name} is {header}", f"Give {name} as {kind}.")
        value = self._npz.scalar(name)
        if name == "x_datatype":
            return value.decode("ascii", "replace") if isinstance(value, bytes) else value
        if name == "x_zero_point":
            if not math.isfinite(value) or value != int(value):
                self._wrong(f"x_zero_point is {value}", "Give a whole number.")
            return int(value)
        return value

    def _whole_numbers(
        self, name: str, values: npt.NDArray[Any], first: int, quantization: Quantization
    ) -> npt.NDArray[Any]:
        """`values`, images from number `first` on, as whole numbers; each is checked."""
        import numpy as np  # noqa: PLC0415

        numbers = values
        if values.dtype.kind == "f":
            self._require(name, values, np.isfinite(values), first, "is no number")
            with np.errstate(all="ignore"):  # what overflows is off the grid, and named as such
                exact = values.astype(np.float64) / quantization.scale + quantization.zero_point
                numbers = np.rint(exact)
                on_grid = np.abs(exact - numbers) <= TOLERANCE
            what = f"is no multiple of x_scale = {quantization.scale:g}"
            self._require(name, values, on_grid, first, what)
        low, high = quantization.bounds
        within = (numbers >= low) & (numbers <= high)
        if quantization.datatype == "BIPOLAR":
            within &= numbers != 0
        what = f"stands for a number that {quantization.datatype} does not have"
        self._require(name, values, within, first, what)
        return numbers

    def _require(
        self,
        name: str,
        values: npt.NDArray[Any],
        holds: npt.NDArray[Any],
        first: int,
        what: str,
    ) -> None:
        if not holds.all():
            place = tuple(int(index[0]) for index in (~holds).nonzero())
            self._wrong(
                f"array {name}: {values[place]:g} in image {first + place[0]} {what}",
                f"Correct it, or x_scale, x_zero_point and x_datatype ({DATATYPES}).",
            )
