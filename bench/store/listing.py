"""What `bench store ls` shows, remembered from one time to the next.

Reading ten thousand manifests takes seconds, asking for their size and times does not. So what was
read is kept in `cache/listing.json`, and read again where size, times or inode of a manifest have
changed. Nothing but the listing makes use of it: whatever is computed with is read and verified.
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
    """An artifact, as a list shows it: `bytes` is the size of its files, `made` the date."""

    key: str
    stage: str
    name: str
    status: str
    bytes: int
    seconds: float
    made: str


_Known = dict[str, tuple[list[int], list[str | int | float]]]


def listing(root: Path) -> Iterator[Listed | Broken]:
    """All that lies where artifacts do, by stage and name; see `Store.survey`.

    Raises:
        StoreError: The store cannot be read.
    """
    known, seen = _read(root), {}
    for found in artifact_folders(root):
        if isinstance(found, Broken):
            yield found
            continue
        place = f"{found.parent.name}/{found.name}"
        stamp = _stamp(found)
        kept = known.get(place)
        if kept is None or kept[0] != stamp:
            entry = look(found)
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
    if seen != known:
        _write(root, seen)


def _stamp(folder: Path) -> list[int]:
    """What changes with the manifest; empty where there is none."""
    try:
        info = os.stat(f"{folder}/{FILE}")  # noqa: PTH116  # ten thousand of them
    except OSError:
        return []
    return [info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino]


def _read(root: Path) -> _Known:
    """What is kept; nothing where that cannot be relied on."""
    try:
        kept = json.loads(read_bytes(root.joinpath(*_PLACE)))
        if kept["format"] == FORMAT and kept["sha256"] == _digest(kept["artifacts"]):
            return {place: (stamp, row) for place, (stamp, row) in kept["artifacts"].items()}
    except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return {}
    return {}


def _write(root: Path, known: _Known) -> None:
    """Keep it, where the store can be written; else it is read again next time."""
    kept = {"format": FORMAT, "sha256": _digest(known), "artifacts": known}
    with suppress(OSError):
        write_atomic(root.joinpath(*_PLACE), json.dumps(kept))


def _digest(known: object) -> str:
    return hashlib.sha256(canonical(known)).hexdigest()
