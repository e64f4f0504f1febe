"""Keys: SHA-256 of everything that decides a result, in one canonical form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SHORT = 12
PIECE = 64 * 1024  # bytes
# `json.dumps` would make a new one for each of a plan's tasks.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(data: Any) -> bytes:
    """`data` (JSON values, tuples allowed) as bytes that depend on its value only."""
    return _CANONICAL.encode(data).encode()


def artifact_key(
    stage: str, spec: Mapping[str, Any], inputs: Mapping[str, str], environment: str
) -> str:
    """The key of a stage's artifact.

    Args:
        stage: The stage's name.
        spec: Its own parameters, as JSON values.
        inputs: Content hash of each artifact it reads, by role. Not the keys: an input
            rebuilt with equal content leaves what depends on it valid.
        environment: Hash of the environment's recipe and the stage's sources.
    """
    parts = {"stage": stage, "spec": spec, "inputs": dict(inputs), "environment": environment}
    return hashlib.sha256(canonical(parts)).hexdigest()


def hash_file(path: Path | str) -> str:
    """SHA-256 of a file's content.

    In pieces rather than by `hashlib.file_digest`, which clears a buffer of 256 KiB first: most of
    a store's files are far smaller.
    """
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  # `Path.open` buffers, and is slower
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def hash_sources(root: Path, sources: Iterable[str | Path]) -> str:
    """SHA-256 of files and folders, by their content and their names below `root`."""
    digest = hashlib.sha256()
    for top in sorted(root / source for source in sources):
        for file in sorted(top.rglob("*")) if top.is_dir() else [top]:
            name = file.relative_to(root if file.is_relative_to(root) else top.parent)
            cached = any(part == "__pycache__" or part.startswith(".") for part in name.parts)
            if file.is_file() and not cached:
                digest.update(f"{name.as_posix()}\0{hash_file(file)}\n".encode())
    return digest.hexdigest()
