"""The manifest: what an artifact is, what made it, from what, and with what."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import StoreError
from bench.store.keys import canonical, hash_file


@dataclass(frozen=True)
class Artifact:
    """One file: path below `files/`, SHA-256 of its content, size in bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """Everything known of one stage's result.

    Attributes:
        key: The artifact's key.
        stage: The stage that made it.
        name: Readable name, e.g. `tfc-mnist-w2a2-s1-low`.
        status: One of `bench.status.FINDINGS` in the store proper, `failed` under `failed/`.
        reason: Why, when not `done`.
        spec: The stage's parameters.
        inputs: Content hash of each artifact it read, by stage.
        artifacts: The files it consists of.
        environment: Name, runner and recipe of where it was made.
        tools: Versions of the tools that made it.
        host: The machine.
        created: When, ISO 8601, UTC.
        seconds: How long the stage took.
        timings: Parts of it, by name, in seconds.
        peak_memory_bytes: Largest memory of the stage's processes together.
        checkout: Git commit of the project and whether its tree was clean, as
            `bench.checkout.describe_checkout` says it; empty in manifests that are older than it.
    """

    key: str
    stage: str
    name: str
    status: str
    reason: str
    spec: Mapping[str, Any]
    inputs: Mapping[str, str]
    artifacts: tuple[Artifact, ...]
    environment: Mapping[str, str]
    tools: Mapping[str, str]
    host: Mapping[str, str]
    created: str
    seconds: float
    timings: Mapping[str, float]
    peak_memory_bytes: int
    checkout: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        """Hash of what later stages see: status and files, not when or where they were made."""
        files = [(artifact.path, artifact.sha256) for artifact in self.artifacts]
        return hashlib.sha256(canonical([self.status, files])).hexdigest()

    def dumps(self) -> str:
        """The manifest as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest at `path`; raises `StoreError` when it is not one."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            artifacts = tuple(Artifact(**artifact) for artifact in data.pop("artifacts"))
            return cls(artifacts=artifacts, **data)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise StoreError(
                f"{path} is not a manifest: {error}.", "Delete its folder and rerun."
            ) from error


def describe_files(folder: Path) -> tuple[Artifact, ...]:
    """Every file below `folder`, sorted by the parts of its path; the order is part of keys."""
    return tuple(
        Artifact(name, hash_file(file.path), file.stat().st_size)
        for name, file in sorted(_files(folder), key=lambda found: found[0].split("/"))
    )


def find_damage(folder: Path, artifacts: tuple[Artifact, ...]) -> list[str]:
    """What is wrong with the files below `folder`, one phrase each; empty when all is well."""
    damage = []
    expected = {artifact.path: artifact for artifact in artifacts}
    present = dict(_files(folder))
    for name in sorted(expected.keys() | present.keys()):
        if name not in present:
            damage.append(f"{name} is missing")
        elif name not in expected:
            damage.append(f"{name} does not belong there")
        elif present[name].stat().st_size != expected[name].bytes:
            damage.append(f"{name} has another size")
        elif hash_file(present[name].path) != expected[name].sha256:
            damage.append(f"{name} has another SHA-256")
    return damage


def _files(folder: Path) -> list[tuple[str, os.DirEntry[str]]]:
    """Every file below `folder` with its path from there, `/` between the parts.

    A grid has tens of thousands of files; `Path.rglob` takes four times as long for them. A link
    to a file counts as one, a link to a folder is not followed.
    """
    return list(_walk(str(folder), "")) if folder.is_dir() else []


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            elif entry.is_file():
                yield prefix + entry.name, entry
