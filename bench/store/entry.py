"""An artifact, something broken in the place of one, and a workspace."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.store.keys import SHORT
from bench.store.manifest import Manifest, find_damage
from bench.store.reading import DamageError, read_file

METRICS = "metrics.json"


@dataclass(frozen=True)
class Entry:
    """One artifact in the store."""

    folder: Path
    manifest: Manifest

    @classmethod
    def read(cls, folder: Path) -> Entry:
        """The artifact in `folder`; its files are not looked at.

        Raises:
            DamageError: Its manifest is not what was written, or is that of another artifact.
            StoreError: It cannot be read.
        """
        manifest = Manifest.read(folder)
        if not folder.name.endswith(f"--{manifest.key[:SHORT]}"):
            raise DamageError(folder, f"its manifest is that of {manifest.key[:SHORT]}")
        return cls(folder, manifest)

    @property
    def files(self) -> Path:
        """The folder with the artifact's files."""
        return self.folder / "files"

    @property
    def bytes(self) -> int:
        """Size of its files."""
        return sum(artifact.bytes for artifact in self.manifest.artifacts)

    def metrics(self) -> dict[str, Any]:
        """The stage's findings, compared with their hash; empty when it wrote none.

        Raises:
            DamageError: They are not what the stage wrote.
            StoreError: They cannot be read.
        """
        expected = {artifact.path: artifact.sha256 for artifact in self.manifest.artifacts}
        if METRICS not in expected:
            return {}
        content = read_file(self.folder, f"files/{METRICS}")
        if hashlib.sha256(content).hexdigest() != expected[METRICS]:
            raise DamageError(self.folder, f"{METRICS} has another SHA-256")
        try:
            metrics = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DamageError(self.folder, f"{METRICS} is not JSON ({error})") from error
        if not isinstance(metrics, dict):
            raise DamageError(self.folder, f"{METRICS} holds no metrics")
        return metrics

    def damage(self) -> list[str]:
        """What is wrong with the files, by their hashes.

        Raises:
            StoreError: A file cannot be read.
        """
        return find_damage(self.files, self.manifest.artifacts)

    def require_sound(self) -> None:
        """Verify every file.

        Raises:
            DamageError: Something is wrong with the files.
            StoreError: A file cannot be read.
        """
        if damage := self.damage():
            raise DamageError(self.folder, damage[0])


@dataclass(frozen=True)
class Broken:
    """Something in the place of an artifact that is not one, or is unreadable.

    `folder` is that of the stage if that cannot be read.
    """

    folder: Path
    error: StoreError

    @property
    def damaged(self) -> bool:
        """Whether it is certainly not an artifact; else it cannot be read."""
        return isinstance(self.error, DamageError)

    @property
    def state(self) -> str:
        """`damaged`, or `unreadable`."""
        return "damaged" if self.damaged else "unreadable"

    @property
    def reason(self) -> str:
        """What is wrong, as the end of a sentence."""
        return self.error.reason if isinstance(self.error, DamageError) else self.error.what


@dataclass(frozen=True)
class Workspace:
    """Where a stage works before its result is moved into the store."""

    folder: Path

    @property
    def files(self) -> Path:
        """What becomes the artifact."""
        return self.folder / "files"

    @property
    def log(self) -> Path:
        """Everything the stage prints."""
        return self.folder / "log.txt"
