"""Files in a tar archive, taken out by name."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.console.text import excerpt
from bench.datasets.fetching.unpack import Damaged, chunks
from bench.datasets.model import DataFile, SourceFailed


def extracted(
    archive: Path, folder: str, files: Sequence[DataFile], scratch: Path
) -> Iterator[Path]:
    """Yield `files` in their order, from `folder` in `archive`, as files in `scratch`.

    No other name in the archive is used, and none as a path.

    Raises:
        SourceFailed: The archive is damaged, or lacks one.
    """
    try:
        with tarfile.open(archive) as tar:
            for file in files:
                yield _extract(tar, f"{folder}/{file.name}", file, scratch)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise SourceFailed(f"its archive is damaged: {excerpt(str(error))}") from error


def _extract(tar: tarfile.TarFile, member: str, file: DataFile, scratch: Path) -> Path:
    try:
        content = tar.extractfile(member)
    except KeyError:
        content = None
    if content is None:
        raise SourceFailed(f"has no file {member}")
    target = scratch / file.name
    try:
        with content, target.open("wb") as out:
            out.writelines(chunks(content, file.name))
    except Damaged as error:
        raise SourceFailed(str(error)) from error
    return target
