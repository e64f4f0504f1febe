"""A folder that the user names; its files are used or refused, never ignored."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.model import DataFile, Dataset
from bench.errors import DataError

VARIABLE = "BENCH_DATA"


def find(dataset: Dataset, root: Path) -> list[Path]:
    """The files of `dataset` below `root`, in the data set's order, not yet checked.

    Looked for, raw or gzipped, under their usual names in `root`, in a folder named like the
    data set (`FashionMNIST`, `fashion-mnist`, ...), and in a folder `raw`, or one that the
    published archive unpacks to, in either.

    Raises:
        DataError: `root` is not a readable folder, or a file is missing.
    """
    folders = _folders(dataset, root)
    paths = {file: _first_present(file, folders) for file in dataset.files}
    missing = [file for file, path in paths.items() if path is None]
    if missing:
        names = "\n".join(f"  {file.name}[.gz]" for file in missing)
        which = "none of the files" if len(missing) == len(paths) else "not all the files"
        raise DataError(
            f"{VARIABLE} names the folder {root}, which has {which} of {dataset.name}. Missing:\n"
            f"{names}\n"
            f"Looked in: {', '.join(str(folder) for folder in folders)}.",
            f"Put the files there, or unset {VARIABLE} to have them fetched.",
        )
    return [path for path in paths.values() if path is not None]


def wrong_content(
    path: Path, file: DataFile, reason: str, checksum: str | None, whose: str | None
) -> DataError:
    """The error for the user's `path`, which should be `file`.

    `checksum` is of its content, None if that is not readable; `whose` names the data set that it
    belongs to, if any.
    """
    remedy = f"Replace the file, or unset {VARIABLE} to have the data fetched."
    if checksum is None:
        return DataError(f"{path} is damaged: {reason}.", remedy)
    hint = f" That is a file of {whose}." if whose else ""
    return DataError(
        f"{path} has the wrong checksum.{hint}\n"
        f"  expected {file.algorithm} {file.checksum}\n"
        f"  found    {file.algorithm} {checksum}\n"
        "(of the decompressed content).",
        remedy,
    )


def _folders(dataset: Dataset, root: Path) -> list[Path]:
    """Where to look, the folders named like the data set first: `root` may hold several sets."""
    try:
        below = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as error:
        raise DataError(
            f"{VARIABLE} names {root}, which cannot be read as a folder: {error.strerror}.",
            f"Correct or unset {VARIABLE}.",
        ) from error
    name = _plain(dataset.files_of or dataset.name)
    own = [path for path in below if _plain(path.name) == name]
    usual = ("raw", "", dataset.unpacked)
    candidates = (path / inner for path in (*own, root) for inner in usual)
    return [path for path in dict.fromkeys(candidates) if path.is_dir()]


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _first_present(file: DataFile, folders: list[Path]) -> Path | None:
    stems = (file.name, file.name.replace("-idx", ".idx"))
    names = [stem + suffix for stem in stems for suffix in ("", ".gz")]
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)
