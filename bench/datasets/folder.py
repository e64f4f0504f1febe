"""A folder that the user names; what lies there is used or refused, never passed over."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.model import DataFile, Dataset
from bench.errors import DataError

VARIABLE = "BENCH_DATA"


def find(name: str, dataset: Dataset, root: Path) -> list[Path]:
    """The files of data set `name` below `root`, in the data set's order, not yet checked.

    Looked for, raw or gzipped, under their usual names in `root`, in a folder named like the
    data set (`FashionMNIST`, `fashion-mnist`, ...), and in a folder `raw` in either.

    Raises:
        DataError: `root` is no folder that can be read, or a file is missing.
    """
    folders = _folders(name, root)
    found = {file: _first_present(file, folders) for file in dataset.files}
    missing = [file for file, path in found.items() if path is None]
    if missing:
        names = "\n".join(f"  {file.published}[.gz]" for file in missing)
        which = "none of the files" if len(missing) == len(found) else "not all the files"
        raise DataError(
            f"{VARIABLE} names the folder {root}, which has {which} of {name}. Missing:\n{names}\n"
            f"Looked in: {', '.join(str(folder) for folder in folders)}.",
            f"Put the files there, or unset {VARIABLE} to have them fetched.",
        )
    return [path for path in found.values() if path is not None]


def wrong_content(path: Path, file: DataFile, reason: str, found: str, whose: str) -> DataError:
    """The error that explains why `path` is refused.

    Args:
        path: The user's file.
        file: What it should be.
        reason: What is wrong with it.
        found: Its SHA-256; empty when it cannot be read.
        whose: The data set that it does belong to; empty when none.
    """
    remedy = f"Replace the file, or unset {VARIABLE} to have the data fetched."
    if not found:
        return DataError(f"{path} is damaged: {reason}.", remedy)
    hint = f" That is a file of {whose}." if whose else ""
    return DataError(
        f"{path} has the wrong checksum.{hint}\n"
        f"  expected SHA-256 {file.sha256}\n  found    SHA-256 {found}\n"
        "(of the decompressed content).",
        remedy,
    )


def _folders(name: str, root: Path) -> list[Path]:
    """Where to look, the folders named like the data set first: `root` may hold several sets."""
    try:
        below = sorted(path for path in root.iterdir() if path.is_dir())
    except OSError as error:
        raise DataError(
            f"{VARIABLE} names {root}, which cannot be read as a folder: {error.strerror}.",
            f"Correct or unset {VARIABLE}.",
        ) from error
    own = [path for path in below if _plain(path.name) == _plain(name)]
    candidates = [inner for path in (*own, root) for inner in (path / "raw", path)]
    return [path for path in candidates if path.is_dir()]


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def _first_present(file: DataFile, folders: list[Path]) -> Path | None:
    stems = (file.published, file.published.replace("-idx", ".idx"), file.name)
    names = [stem + suffix for stem in stems for suffix in ("", ".gz")]
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)
