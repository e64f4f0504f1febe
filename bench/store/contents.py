"""Look into a store: which artifacts are there, sound or not; changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from bench.errors import StoreError
from bench.flows import all_stages
from bench.store.entry import Broken, Entry
from bench.store.keys import SHORT
from bench.store.manifest import Manifest
from bench.store.reading import DamageError, list_folder

FAILED = "failed"
# Folders of a store that hold no artifacts.
OTHERS = (
    "cache", "environments", "experiments", FAILED, "locks", "overrides", "reports", "tmp",
)  # fmt: skip
_ARTIFACT = re.compile(rf".+--[0-9a-f]{{{SHORT}}}", re.DOTALL)


def find(root: Path, stage: str, key: str, name: str = "") -> Entry | None:
    """See `Store.find`."""
    parent, suffix = root / stage, f"--{key[:SHORT]}"
    likely = parent / f"{name}{suffix}"
    if _is_there(likely) and (entry := _with_key(likely, key)):
        return entry
    others = (Path(one.path) for one in list_folder(parent) if one.name.endswith(suffix))
    return next((e for path in others if path != likely and (e := _with_key(path, key))), None)


def survey(root: Path) -> Iterator[Entry | Broken]:
    """See `Store.survey`."""
    for found in artifact_folders(root):
        yield found if isinstance(found, Broken) else look(found)


def artifact_folders(root: Path) -> Iterator[Path | Broken]:
    """Every folder where an artifact should be, by stage and name; stages that cannot be read."""
    for stage in _stages(root):
        try:
            folders = list_folder(stage)
        except StoreError as error:
            yield Broken(stage, error)
            continue
        known = stage.name in all_stages()
        for entry in folders:
            # Of a stage that this version does not know, only what looks like an artifact.
            if _ARTIFACT.fullmatch(entry.name) or (known and _is_folder(entry)):
                yield Path(entry.path)


def look(folder: Path) -> Entry | Broken:
    """The artifact in `folder`, or what is wrong with it."""
    try:
        return Entry.read(folder)
    except StoreError as error:
        return Broken(folder, error)


def failures(root: Path, stage: str) -> dict[str, tuple[Path, Manifest]]:
    """See `Store.failures`.

    What was set aside as damaged lies there, too, and counts for nothing.
    """
    latest: dict[str, tuple[Path, Manifest]] = {}
    for folder in list_folder(root / FAILED / stage):
        try:
            manifest = Manifest.read(Path(folder.path))
        except DamageError:
            continue
        if manifest.status == "failed":
            latest[manifest.key] = Path(folder.path), manifest
    return latest


def _with_key(folder: Path, key: str) -> Entry | None:
    """The artifact in `folder` if it has this key: names hold only the start of it."""
    entry = Entry.read(folder)
    return entry if entry.manifest.key == key else None


def _stages(root: Path) -> list[Path]:
    """The folders of all stages, those of this version in their order, then others."""
    order = list(all_stages())
    there = {one.name: one for one in list_folder(root)}
    others = [
        name
        for name, entry in there.items()
        if name not in (*order, *OTHERS) and not name.startswith(".") and _is_folder(entry)
    ]
    return [root / name for name in (*order, *others) if name in there]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_there(path: Path) -> bool:
    return os.path.lexists(path)
