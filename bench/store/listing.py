"""What `bench store ls` shows, cached in `cache/listing.json`.

Reading ten thousand manifests takes seconds, so only those whose size, times or inode have changed
are read again. Nothing else uses the cache: results are computed from manifests read and verified.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from bench.store.contents import artifact_folders, look
from bench.store.entry import Broken
from bench.store.keys import canonical
from bench.store.manifest import FILE
from bench.system.files import read_bytes, write_atomic

FORMAT = 1
_PLACE = ("cache", "listing.json")


@dataclass(frozen=True)
class Listed:
    """An artifact, as a list shows it: `bytes` is the size of its files."""

    key: str
    stage: str
    name: str
    status: str
    bytes: int
    seconds: float
    made: str


_Rows = dict[str, tuple[list[int], list[str | int | float]]]


def listing(root: Path) -> Iterator[Listed | Broken]:
    """Everything in the place of an artifact, by stage and name; see `Store.survey`.

    Raises:
        StoreError: The store cannot be read.
    """
    cached, seen = _read(root), {}
    for folder in artifact_folders(root):
        if isinstance(folder, Broken):
            yield folder
            continue
        place = f"{folder.parent.name}/{folder.name}"
        stamp = _stamp(folder)
        kept = cached.get(place)
        if kept is None or kept[0] != stamp:
            entry = look(folder)
            if isinstance(entry, Broken):
                yield entry
                continue
            made = entry.manifest
            kept = stamp, list(astuple(Listed(
                made.key, made.stage, made.name, made.status, entry.bytes, made.seconds,
                made.created,
            )))  # fmt: skip
        seen[place] = kept
        yield Listed(*kept[1])  # type: ignore[arg-type]
    if seen != cached:
        _write(root, seen)


def _stamp(folder: Path) -> list[int]:
    """Changes whenever the manifest does; empty without manifest."""
    try:
        info = os.stat(f"{folder}/{FILE}")  # noqa: PTH116  # ten thousand of them
    except OSError:
        return []
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]


def _read(root: Path) -> _Rows:
    """The cache; empty if it is missing or damaged."""
    try:
        kept = json.loads(read_bytes(root.joinpath(*_PLACE)))
        if kept["format"] == FORMAT and kept["sha256"] == _digest(kept["artifacts"]):
            return {place: (stamp, row) for place, (stamp, row) in kept["artifacts"].items()}
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}
    return {}


def _write(root: Path, rows: _Rows) -> None:
    """Write the cache, if the store is writable."""
    kept = {"format": FORMAT, "sha256": _digest(rows), "artifacts": rows}
    with suppress(OSError):
        write_atomic(root.joinpath(*_PLACE), json.dumps(kept))


def _digest(rows: object) -> str:
    return hashlib.sha256(canonical(rows)).hexdigest()
