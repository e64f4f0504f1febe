"""The streamlined model, which all foldings of a network share: made once, kept in the cache.

An entry is a line with the SHA-256 of the rest, a line with the record of the verified steps, and
the model. Whether it was made or found, what goes on is the model as read from these bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

PACKAGES = ("finn-plus", "qonnx", "onnx", "onnxruntime", "numpy")
INPUTS = ("model.onnx", "golden.npz")

Steps = list[dict[str, Any]]


def place(cache: Path, export: Path) -> Path:
    """Where the cache keeps the streamlined model of an export.

    Its name stands for the exported model, the golden outputs, this worker and its packages.
    """
    digest = hashlib.sha256(json.dumps([metadata.version(name) for name in PACKAGES]).encode())
    sources = sorted(Path(__file__).parent.glob("*.py"))
    for path in (*(export / name for name in INPUTS), *sources):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return cache / f"streamlined-{digest.hexdigest()[:24]}"


def find(entry: Path) -> tuple[ModelWrapper, Steps] | None:
    """The model and the record of its steps; None where there is no entry, or a damaged one."""
    try:
        digest, _, content = entry.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    return _read(content)


def keep(entry: Path, model: bytes, steps: Steps) -> ModelWrapper:
    """Write an entry so that nobody ever sees half of it; the model as `find` will return it."""
    content = json.dumps(steps).encode() + b"\n" + model
    digest = hashlib.sha256(content).hexdigest().encode()
    entry.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=entry.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(digest + b"\n" + content)
        Path(name).chmod(0o644)  # a store may be shared
        Path(name).replace(entry)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return _read(content)[0]


def _read(content: bytes) -> tuple[ModelWrapper, Steps]:
    steps, _, model = content.partition(b"\n")
    return ModelWrapper(model), json.loads(steps)
