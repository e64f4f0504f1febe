"""The streamlined model, which all foldings of a network share: made once, kept in the cache.

An entry is a line with the record of the verified steps, and the model. Whether it was made or
found, what goes on is the model as read from these bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from finn_worker.kept import Cache

PACKAGES = ("finn-plus", "qonnx", "onnx", "onnxruntime", "numpy")
INPUTS = ("model.onnx", "golden.npz")

Steps = list[dict[str, Any]]


@dataclass(frozen=True)
class Entry:
    """A place in the cache, whether something is there or not."""

    cache: Cache
    name: str


def place(cache: Cache, export: Path) -> Entry:
    """Where the cache keeps the streamlined model of an export.

    Its name stands for the exported model, the golden outputs where there are any, this worker and
    its packages.
    """
    digest = hashlib.sha256(json.dumps([metadata.version(name) for name in PACKAGES]).encode())
    sources = sorted(Path(__file__).parent.glob("*.py"))
    inputs = [path for name in INPUTS if (path := export / name).is_file()]
    for path in (*inputs, *sources):
        digest.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return Entry(cache, f"streamlined-{digest.hexdigest()[:24]}")


def find(entry: Entry) -> tuple[ModelWrapper, Steps] | None:
    """The model and the record of its steps; None where there is no entry, or a damaged one."""
    content = entry.cache.read(entry.name)
    return None if content is None else _read(content)


def keep(entry: Entry, model: bytes, steps: Steps) -> ModelWrapper:
    """Write an entry; the model as `find` will return it."""
    content = json.dumps(steps).encode() + b"\n" + model
    entry.cache.keep(entry.name, content)
    return _read(content)[0]


def _read(content: bytes) -> tuple[ModelWrapper, Steps]:
    steps, _, model = content.partition(b"\n")
    return ModelWrapper(model), json.loads(steps)
