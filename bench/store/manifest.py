"""The manifest: what an artifact consists of, and how it was made."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.store.keys import canonical, hash_file
from bench.store.reading import DamageError, damage_of, explained, read_file
from bench.store.schema import SCHEMA, require_manifest

FILE = "manifest.json"
# The first two lines of the file: the second is the SHA-256 of all that follow it.
_HEAD = re.compile(rb'\{\n "digest": "([0-9a-f]{64})",\n')


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
        name: Readable name, e.g. `tfc-mnist-w2a2-s1-low`.
        status: One of `bench.words.FINDINGS`, or `failed` under `failed/`.
        reason: For every status but `done`.
        spec: The stage's parameters.
        inputs: Content hash of each artifact it read, by stage.
        artifacts: The files it consists of.
        environment: Name, runner and recipe.
        tools: Versions by name.
        created: ISO 8601, UTC.
        seconds: Duration of the stage.
        timings: Parts of `seconds`, by name.
        peak_memory_bytes: Of all processes of the stage together.
        checkout: Git commit of the project and whether its tree was clean, see
            `bench.system.checkout.describe_checkout`.
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
        """The manifest as JSON text, its own digest in the second line."""
        _, text = json.dumps(
            {"schema": SCHEMA, **asdict(self)}, indent=1, sort_keys=True, allow_nan=False
        ).split("\n", 1)
        text += "\n"
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f'{{\n "digest": "{digest}",\n{text}'

    @classmethod
    def loads(cls, content: bytes) -> Manifest:
        """The manifest in the file's `content`.

        Raises:
            ValueError: It is not one, was changed, or is of another version of bench.
        """
        head = _HEAD.match(content)
        if head and hashlib.sha256(content[head.end() :]).hexdigest().encode() != head[1]:
            raise ValueError("is not what its digest says")
        data = require_manifest(content, digested=head is not None)
        artifacts = tuple(Artifact(**artifact) for artifact in data.pop("artifacts"))
        return cls(artifacts=artifacts, **data)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """The manifest of the artifact in `folder`.

        Raises:
            DamageError: It is missing, or this version cannot rely on it.
            StoreError: It cannot be read.
        """
        content = read_file(folder, FILE)
        try:
            return cls.loads(content)
        except ValueError as error:
            raise DamageError(folder, f"{FILE} {error}") from error


def describe_files(folder: Path) -> tuple[Artifact, ...]:
    """Every file below `folder`, sorted by the parts of its path; the order is part of keys."""
    return tuple(
        Artifact(name, hash_file(file.path), file.stat().st_size)
        for name, file in sorted(_files(folder), key=lambda item: item[0].split("/"))
        if file.is_file()
    )


def odd_files(folder: Path) -> list[str]:
    """What is below `folder` and cannot be stored: pipes, devices, broken links."""
    return sorted(name for name, file in _files(folder) if not _is_file(file))


def find_damage(folder: Path, artifacts: tuple[Artifact, ...]) -> list[str]:
    """What is wrong with the files below `folder`, one phrase each; empty when all is well.

    Raises:
        StoreError: A file cannot be read.
    """
    with explained(folder):
        present = dict(_files(folder))
    expected = {artifact.path: artifact for artifact in artifacts}
    return [
        damage
        for name in sorted(expected.keys() | present.keys())
        if (damage := _damage(name, expected.get(name), present.get(name)))
    ]


def _damage(name: str, expected: Artifact | None, file: os.DirEntry[str] | None) -> str:
    """What is wrong with one file; empty when nothing is."""
    if file is None:
        return f"{name} is missing"
    if expected is None:
        return f"{name} does not belong there"
    try:
        if not file.is_file():
            return f"{name} is not a file"
        if file.stat().st_size != expected.bytes:
            return f"{name} has another size"
        return "" if hash_file(file.path) == expected.sha256 else f"{name} has another SHA-256"
    except OSError as error:
        return damage_of(error, name)


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself
        return False


def _files(folder: Path) -> list[tuple[str, os.DirEntry[str]]]:
    """The files below `folder`, with their relative paths; links to folders are left out.

    A grid has tens of thousands of files, for which `Path.rglob` takes four times as long.
    """
    return list(_walk(str(folder), "")) if folder.is_dir() else []


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            elif not (entry.is_symlink() and Path(entry.path).is_dir()):
                yield prefix + entry.name, entry
