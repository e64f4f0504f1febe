"""The store on disk; its layout is described in artifacts/README.md."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.errors import StoreError, store_error
from bench.locks import hold
from bench.stages import STAGES
from bench.store.keys import SHORT
from bench.store.manifest import Manifest, find_damage


@dataclass(frozen=True)
class Entry:
    """One artifact in the store."""

    folder: Path
    manifest: Manifest

    @property
    def files(self) -> Path:
        """The folder with the artifact's files."""
        return self.folder / "files"

    def metrics(self) -> dict[str, Any]:
        """The stage's findings; empty when it wrote none."""
        path = self.files / "metrics.json"
        metrics: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return metrics

    def damage(self) -> list[str]:
        """What is wrong with the files, by their hashes."""
        return find_damage(self.files, self.manifest.artifacts)


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


class Store:
    """Keeps artifacts by key; safe to share between runs and to kill at any point.

    Args:
        root: The store's folder; made by the first `session`, so that looking leaves no trace.

    Raises:
        StoreError: It is a file.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._run: Path | None = None
        if root.exists() and not root.is_dir():
            raise StoreError(f"{root} is a file.", "Name a folder with --store.")

    @contextmanager
    def session(self) -> Iterator[Path]:
        """A run: clears what killed runs left behind, and its own leftovers at the end.

        Yields:
            A folder that is there for as long as the run is.

        Raises:
            StoreError: The store cannot be made or written.
        """
        self._make()
        self._sweep()
        run = self.root / "tmp" / f"run-{uuid.uuid4().hex}"
        with FileLock(self._alive(run)):
            run.mkdir()
            self._run = run
            try:
                yield run
            finally:
                self._run = None
                shutil.rmtree(run, ignore_errors=True)
        self._alive(run).unlink(missing_ok=True)

    def find(self, stage: str, key: str, name: str = "") -> Entry | None:
        """The artifact with this key, unverified; None when there is none.

        Args:
            stage: The stage that made it.
            key: Its key.
            name: The name that it most likely has; one of thousands is then found at once.
        """
        parent, suffix = self.root / stage, f"--{key[:SHORT]}"
        likely = parent / f"{name}{suffix}"
        if entry := self._entry(likely, key):
            return entry
        others = (path for path in _folders(parent, suffix) if path != likely)
        return next((entry for path in others if (entry := self._entry(path, key))), None)

    def names(self, stage: str) -> dict[str, str]:
        """The name of each artifact of `stage`, by the start of its key as it stands in names."""
        found = (path.name.rpartition("--") for path in _folders(self.root / stage, ""))
        return {short: name for name, _, short in found}

    def entries(self) -> Iterator[Entry]:
        """Every artifact, by stage and name."""
        for stage in STAGES:
            for path in sorted((self.root / stage.name).glob("*/manifest.json")):
                yield Entry(path.parent, Manifest.read(path))

    def exclusive(
        self, key: str, cancelled: threading.Event, on_wait: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Hold the right to make the artifact `key`; `on_wait` is called once if another has it."""
        return hold(self.root / "locks" / f"{key}.lock", cancelled, on_wait)

    def workspace(self, stage: str, key: str) -> Workspace:
        """A fresh folder to work in; needs a `session`."""
        assert self._run is not None, "a workspace needs a session"
        folder = Path(tempfile.mkdtemp(prefix=f"{stage}-{key[:SHORT]}-", dir=self._run))
        for name in ("files", "scratch"):
            (folder / name).mkdir()
        (folder / "log.txt").touch()
        return Workspace(folder)

    def commit(self, workspace: Workspace, manifest: Manifest) -> Entry:
        """Move a finished workspace into the store, whole or not at all."""
        target = self.root / manifest.stage / f"{manifest.name}--{manifest.key[:SHORT]}"
        self._move(workspace, manifest, target)
        return Entry(target, manifest)

    def keep_failed(self, workspace: Workspace, manifest: Manifest) -> Path:
        """Keep what a failed stage left, with its log, where no key will find it."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        target = self.root / "failed" / manifest.stage / f"{manifest.name}--{stamp}"
        self._move(workspace, manifest, target)
        return target

    def discard(self, workspace: Workspace) -> None:
        """Delete a workspace."""
        shutil.rmtree(workspace.folder, ignore_errors=True)

    def failure(self, stage: str, key: str) -> Manifest | None:
        """The latest failure to make the artifact `key`; None when there was none."""
        folder = self.failure_folder(stage, key)
        return Manifest.read(folder / "manifest.json") if folder else None

    def failure_folder(self, stage: str, key: str) -> Path | None:
        """What the latest failure to make the artifact `key` left; None when there was none."""
        for path in sorted((self.root / "failed" / stage).glob("*/manifest.json"), reverse=True):
            manifest = Manifest.read(path)
            if manifest.key == key and manifest.status == "failed":
                return path.parent
        return None

    def set_aside(self, entry: Entry) -> Path:
        """Move a damaged artifact out of the way, to `failed/`."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        target = self.root / "failed" / entry.manifest.stage / f"{entry.folder.name}--{stamp}"
        target.parent.mkdir(parents=True, exist_ok=True)
        entry.folder.replace(target)
        return target

    def link(self, grid: str, experiment: str, stage: str, entry: Entry) -> None:
        """Make the artifact reachable as `experiments/<grid>/<experiment>/<stage>`."""
        link = self.root / "experiments" / grid / experiment / stage
        link.parent.mkdir(parents=True, exist_ok=True)
        target = os.path.relpath(entry.folder, link.parent)
        if link.is_symlink() and str(link.readlink()) == target:
            return
        temporary = link.with_name(f".{stage}-{os.getpid()}-{threading.get_ident()}")
        temporary.symlink_to(target)
        temporary.replace(link)

    def remove(self, entry: Entry) -> None:
        """Delete an artifact: moved away first, so that it is never half there."""
        doomed = Path(tempfile.mkdtemp(prefix="doomed-", dir=self.root / "tmp"))
        entry.folder.replace(doomed / "entry")
        shutil.rmtree(doomed)

    def remove_failed(self) -> int:
        """Delete what failures left under `failed/`; how many bytes that frees."""
        freed = self.failed_bytes()
        for folder in (self.root / "failed").glob("*"):
            shutil.rmtree(folder)
        return freed

    def failed_bytes(self) -> int:
        """What `remove_failed` would free."""
        files = (self.root / "failed").rglob("*")
        return sum(path.stat().st_size for path in files if path.is_file())

    def live_runs(self) -> int:
        """How many runs are using the store now."""
        return sum(1 for run in (self.root / "tmp").glob("run-*") if self._is_alive(run))

    def _entry(self, folder: Path, key: str) -> Entry | None:
        """The artifact in `folder` if it has this key: names hold only the start of it."""
        if not (folder / "manifest.json").exists():
            return None
        manifest = Manifest.read(folder / "manifest.json")
        return Entry(folder, manifest) if manifest.key == key else None

    def _make(self) -> None:
        """The store's folders; an error if nothing can be written there."""
        try:
            for name in ("tmp", "locks", "failed", "cache", "environments"):
                (self.root / name).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root / "tmp"):
                pass
        except OSError as error:
            raise store_error(error, self.root) from error

    def _alive(self, run: Path) -> Path:
        """The lock that a run holds for as long as it lives; taken before its folder is made."""
        return self.root / "locks" / f"{run.name}.lock"

    def _is_alive(self, run: Path) -> bool:
        lock = FileLock(self._alive(run))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        lock.release()
        return False

    def _sweep(self) -> None:
        """Remove what killed runs left behind."""
        for doomed in (self.root / "tmp").glob("doomed-*"):
            shutil.rmtree(doomed, ignore_errors=True)
        for run in (self.root / "tmp").glob("run-*"):
            if not self._is_alive(run):
                shutil.rmtree(run, ignore_errors=True)
                self._alive(run).unlink(missing_ok=True)

    def _move(self, workspace: Workspace, manifest: Manifest, target: Path) -> None:
        try:
            shutil.rmtree(workspace.folder / "scratch")
            (workspace.folder / "manifest.json").write_text(manifest.dumps(), encoding="utf-8")
            _settle(workspace.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                shutil.rmtree(target)
            workspace.folder.replace(target)
            _fsync(target.parent)
        except OSError as error:
            raise store_error(error, target) from error


def _settle(folder: Path) -> None:
    """Make everything in `folder` durable, and its files read-only against slips."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            _fsync(path)
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)
        elif path.is_dir():
            _fsync(path)
    _fsync(folder)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _folders(parent: Path, suffix: str) -> list[Path]:
    """What is in `parent` and ends in `suffix`; a pattern would be compiled for each key."""
    if not parent.is_dir():
        return []
    with os.scandir(parent) as entries:
        return sorted(Path(entry.path) for entry in entries if entry.name.endswith(suffix))
