"""What a store holds, sound or not; reading it changes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.errors import StoreError
from bench.flows import all_stages
from bench.store.entry import Broken, Entry
from bench.store.keys import SHORT
from bench.store.manifest import Manifest
from bench.store.reading import DamageError, explained, list_folder

FAILED = "failed"
# Folders of a store that hold no artifacts.
OTHERS = (
    "cache", "environments", "experiments", FAILED, "locks", "overrides", "reports", "tmp",
)  # fmt: skip
_ARTIFACT = re.compile(rf".+--[0-9a-f]{{{SHORT}}}", re.DOTALL)


class Contents:
    """What a store holds. Every method raises `StoreError` for what cannot be read.

    Args:
        root: The store's folder, which may not exist yet.

    Raises:
        StoreError: It is a file, or cannot be read.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        with explained(root):
            if root.exists() and not root.is_dir():
                raise StoreError(f"{root} is a file.", "Name a folder with --store.")

    def require(self) -> None:
        """For commands that only read: there has to be a store.

        Raises:
            StoreError: There is no such folder, or it cannot be read.
        """
        if not self.root.exists():
            raise StoreError(
                f"There is no store at {self.root}.",
                "Check --store and $BENCH_STORE; `bench run` makes a store where there is none.",
            )
        list_folder(self.root)

    def find(self, stage: str, key: str, name: str = "") -> Entry | None:
        """The artifact of `stage` with this key, its files unverified.

        Args:
            stage: The stage that made it.
            key: Its key.
            name: The name that it most likely has, which saves listing the stage's folder.

        Raises:
            DamageError: What is in its place is not an artifact.
        """
        parent, suffix = self.root / stage, f"--{key[:SHORT]}"
        likely = parent / f"{name}{suffix}"
        if os.path.lexists(likely) and (entry := _with_key(likely, key)):
            return entry
        others = (Path(item.path) for item in list_folder(parent) if item.name.endswith(suffix))
        return next((e for path in others if path != likely and (e := _with_key(path, key))), None)

    def survey(self) -> Iterator[Entry | Broken]:
        """Everything in the place of an artifact, by stage and name, of other versions as well."""
        for folder in artifact_folders(self.root):
            yield folder if isinstance(folder, Broken) else look(folder)

    def entries(self) -> Iterator[Entry]:
        """Every artifact, by stage and name.

        Raises:
            StoreError: Something in the place of an artifact is not one, or cannot be read.
        """
        for item in self.survey():
            if isinstance(item, Broken):
                raise item.error
            yield item

    def names(self, stage: str) -> dict[str, str]:
        """The name of each artifact of `stage`, by the first `SHORT` characters of its key."""
        parts = (entry.name.rpartition("--") for entry in list_folder(self.root / stage))
        return {short: name for name, _, short in parts}

    def failures(self, stage: str) -> dict[str, tuple[Path, Manifest]]:
        """Folder and manifest of the latest failure to make each artifact of `stage`, by its key.

        Damaged artifacts that were set aside in the same folder do not count.
        """
        latest: dict[str, tuple[Path, Manifest]] = {}
        for folder in list_folder(self.root / FAILED / stage):
            with suppress(DamageError):
                manifest = Manifest.read(Path(folder.path))
                if manifest.status == "failed":
                    latest[manifest.key] = Path(folder.path), manifest
        return latest


def artifact_folders(root: Path) -> Iterator[Path | Broken]:
    """Every folder in the place of an artifact, by stage and name; stages that are unreadable."""
    for stage in _stages(root):
        try:
            folders = list_folder(stage)
        except StoreError as error:
            yield Broken(stage, error)
            continue
        is_ours = stage.name in all_stages()
        for entry in folders:
            # In the folder of an unknown stage, only what is named like an artifact.
            if _ARTIFACT.fullmatch(entry.name) or (is_ours and _is_folder(entry)):
                yield Path(entry.path)


def look(folder: Path) -> Entry | Broken:
    """The artifact in `folder`, or what is wrong with it."""
    try:
        return Entry.read(folder)
    except StoreError as error:
        return Broken(folder, error)


def _with_key(folder: Path, key: str) -> Entry | None:
    """The artifact in `folder` if it has this key: names hold only the start of it."""
    entry = Entry.read(folder)
    return entry if entry.manifest.key == key else None


def _stages(root: Path) -> list[Path]:
    """The folders of all stages, those of this version in their order, then others."""
    order = list(all_stages())
    there = {entry.name: entry for entry in list_folder(root)}
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
