"""Arrays in files; apart from the rest of the package, which needs no numpy."""

from __future__ import annotations

import zipfile
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
