"""Artifacts of a store, for tests that need some."""

from __future__ import annotations

from pathlib import Path

from bench.store import Entry, Manifest, Store
from bench.store.manifest import describe_files

KEY = "ab" * 32


def manifest(folder: Path, key: str = KEY) -> Manifest:
    return Manifest(
        key=key,
        stage="train",
        name="net",
        status="done",
        reason="",
        spec={"bits": 2},
        inputs={},
        artifacts=describe_files(folder),
        environment={"runner": "venv"},
        tools={},
        host={},
        created="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        timings={},
        peak_memory_bytes=0,
    )


def put(store: Store, content: str = "weights", key: str = KEY) -> Entry:
    with store.session():
        workspace = store.workspace("train", key)
        (workspace.files / "sub").mkdir()
        (workspace.files / "sub" / "weights.bin").write_text(content)
        return store.commit(workspace, manifest(workspace.files, key))


def loop(path: Path) -> None:
    """Put a link there that leads to itself."""
    path.symlink_to(path)
