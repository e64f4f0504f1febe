"""From a number to everything behind it: the artifacts of each point, and what made them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.report.material import Artifact, Material
from bench.store import Manifest

SHORT = 12
# What of an environment tells where it ran, and is shown beside its name.
_IDENTITY = ("name", "runner", "recipe")


@dataclass(frozen=True)
class Made:
    """An environment with its tools, or a machine: what many artifacts have in common."""

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Record:
    """Everything known of one artifact, as the page shows it."""

    id: str
    stage: str
    key: str
    name: str
    status: str
    reason: str
    created: str
    made: str
    seconds: float
    memory: str
    seed: str
    spec: str
    inputs: tuple[tuple[str, str, str], ...]
    environment: Made
    machine: Made
    tools: str
    commit: str
    manifest: str


@dataclass(frozen=True)
class Provenance:
    """All records by key, and the environments and machines that they refer to."""

    records: Mapping[str, Record]
    environments: tuple[Made, ...]
    machines: tuple[Made, ...]


def provenance_of(material: Material, store: Path, folder: Path) -> Provenance:
    """What is behind the numbers of `material`.

    Args:
        material: The grid's.
        store: The store's folder.
        folder: Where the page will be; links are relative to it.
    """
    environments: dict[tuple[tuple[str, str], ...], Made] = {}
    machines: dict[tuple[tuple[str, str], ...], Made] = {}
    records = {}
    for key, artifact in material.artifacts.items():
        manifest = artifact.manifest
        environment = _shared(environments, manifest.environment, "environment", _environment_title)
        machine = _shared(machines, manifest.host, "machine", _machine_title)
        records[key] = _record(artifact, environment, machine, store, folder)
    return Provenance(records, tuple(environments.values()), tuple(machines.values()))


def _shared(
    known: dict[tuple[tuple[str, str], ...], Made], facts: Mapping[str, Any], kind: str, title: Any
) -> Made:
    identity = tuple(sorted((name, str(value)) for name, value in facts.items()))
    if identity not in known:
        known[identity] = Made(f"{kind}-{len(known) + 1}", title(facts), identity)
    return known[identity]


def _environment_title(facts: Mapping[str, Any]) -> str:
    name, runner, recipe = (str(facts.get(key, "unknown")) for key in _IDENTITY)
    return f"{name} ({runner}), recipe {recipe[:SHORT]}"


def _machine_title(facts: Mapping[str, Any]) -> str:
    parts = [str(facts.get("system", "unknown system")), str(facts.get("machine", ""))]
    if "processors" in facts:
        parts.append(f"{facts['processors']} processors")
    if "memory_bytes" in facts:
        parts.append(f"{int(facts['memory_bytes']) / 2**30:.0f} GiB")
    return ", ".join(part for part in parts if part)


def _record(
    artifact: Artifact, environment: Made, machine: Made, store: Path, folder: Path
) -> Record:
    manifest = artifact.manifest
    seed = manifest.spec.get("seed")
    return Record(
        id=anchor(manifest),
        stage=manifest.stage,
        key=manifest.key,
        name=manifest.name,
        status=manifest.status,
        reason=manifest.reason,
        created=manifest.created,
        made=manifest.created[:19].replace("T", " "),
        seconds=manifest.seconds,
        memory=f"{manifest.peak_memory_bytes / 2**20:,.0f} MiB"
        if manifest.peak_memory_bytes
        else "",
        seed="" if seed is None else str(seed),
        spec=", ".join(f"{name} = {value}" for name, value in sorted(manifest.spec.items())),
        inputs=tuple(
            (name, artifact.needs.get(name, ""), content)
            for name, content in sorted(manifest.inputs.items())
        ),
        environment=environment,
        machine=machine,
        tools=", ".join(f"{name} {version}" for name, version in sorted(manifest.tools.items())),
        commit=_commit(manifest),
        manifest=link(store / artifact.folder / "manifest.json", folder),
    )


def _commit(manifest: Manifest) -> str:
    """The commit it was made at and the state of the tree; empty where not recorded."""
    commit, tree = manifest.checkout.get("commit", ""), manifest.checkout.get("tree", "unknown")
    changes = manifest.checkout.get("changes", "")
    return f"{commit} (tree {tree}{f': {changes}' if changes else ''})" if commit else ""


def anchor(manifest: Manifest) -> str:
    """The id of an artifact's record; only letters, digits and dashes."""
    return f"artifact-{manifest.stage}-{manifest.key[:SHORT]}"


def link(path: Path, folder: Path) -> str:
    """A URL from a page in `folder` to `path`, whatever characters it has."""
    return quote(Path(os.path.relpath(path, folder)).as_posix())


def shell(*words: str) -> str:
    """A command that a shell takes apart into these words."""
    return shlex.join(words)
