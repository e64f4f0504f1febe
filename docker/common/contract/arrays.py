"""Arrays in npz files, apart from the rest of the package, which needs no numpy.

A data set is `train.npz` and `test.npz`: `images`, uint8 or int8 [N, C, H, W], and `labels`, uint8
[N].
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt


def save_npz(path: Path, **arrays: npt.NDArray[np.generic]) -> None:
    """Like `numpy.savez`, but sure to give equal bytes for equal arrays.

    `numpy.savez` marks entries as large, which Python 3.11.4 and 3.11.2 write differently. And
    nothing is compressed, as the bytes would then depend on the version of zlib.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)


class ArraysError(ValueError):
    """A file does not hold the arrays that it should; the message says why."""


def load_npz(path: Path, names: Sequence[str]) -> list[npt.NDArray[np.generic]]:
    """The arrays of those names in `path`; never executes what it reads.

    Raises:
        ArraysError: The file is missing or damaged, or lacks one of them.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return [archive[name] for name in names]
    except OSError as error:
        reason = error.strerror or str(error)
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error)
    raise ArraysError(f"{path.name} cannot be read: {reason}")
