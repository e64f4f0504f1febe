"""The store on disk; its layout is described in artifacts/README.md."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

from bench.errors import StoreError
from bench.store.contents import FAILED, Contents
from bench.store.entry import Entry, Workspace
from bench.store.keys import SHORT
from bench.store.manifest import FILE, Manifest
from bench.store.reading import explained, list_folder
from bench.system.files import UMASK
from bench.system.locks import hold, is_held

FOLDERS = ("tmp", "locks", FAILED, "cache", "environments")


_NOT_IN_VERILOG = {'"', "\\", "\n"}


class Store(Contents):
    """Keeps artifacts by key; safe to share between runs and to kill at any point.

    The first `session` makes its folder, so that reading leaves no trace.
    """

    _run: Path | None = None

    @contextmanager
    def session(self) -> Iterator[Path]:
        """A run, which yields its temporary folder; clears what killed runs left behind.

        Raises:
            StoreError: The store cannot be made or written, or its path not be put into Verilog.
        """
        if odd := set(str(self.root)) & _NOT_IN_VERILOG:
            raise StoreError(
                f"The store's path has {' and '.join(map(repr, sorted(odd)))} in it: {self.root}.",
                "Choose another; generated Verilog names files there, between quotes.",
            )
        run = self.root / "tmp" / f"run-{uuid.uuid4().hex}"
        alive = FileLock(self._alive(run), thread_local=False)
        with explained(self.root):
            self._make()
            self._sweep()
            alive.acquire()
            run.mkdir()
        self._run = run
        try:
            yield run
        finally:
            self._run = None
            self._discard(run)
            alive.release()
            self._alive(run).unlink(missing_ok=True)

    def exclusive(
        self, key: str, cancelled: threading.Event, on_wait: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Hold the right to make the artifact `key`; `on_wait` is called once if another has it."""
        return hold(self.root / "locks" / f"{key}.lock", cancelled, on_wait)

    def workspace(self, stage: str, key: str) -> Workspace:
        """A fresh folder to work in; needs a `session`."""
        assert self._run is not None, "a workspace needs a session"
        # Not by `mkdtemp`, whose folders only the user may read: this one becomes the artifact.
        folder = self._run / f"{stage}-{key[:SHORT]}-{uuid.uuid4().hex[:SHORT]}"
        with explained(folder):
            for name in ("files", "scratch"):
                (folder / name).mkdir(parents=True)
            (folder / "log.txt").touch()
        return Workspace(folder)

    def commit(self, workspace: Workspace, manifest: Manifest) -> Entry:
        """Move a finished workspace into the store, whole or not at all."""
        target = self.root / manifest.stage / f"{manifest.name}--{manifest.key[:SHORT]}"
        self._move(workspace, manifest, target)
        return Entry(target, manifest)

    def keep_failed(self, workspace: Workspace, manifest: Manifest) -> Path:
        """Keep what a failed stage left, with its log, under `failed/`."""
        target = self._aside(manifest.stage, manifest.name)
        self._move(workspace, manifest, target)
        return target

    def discard(self, workspace: Workspace) -> None:
        """Delete a workspace, unless it has become an artifact."""
        self._discard(workspace.folder)

    def set_aside(self, folder: Path) -> Path:
        """Move a damaged artifact out of the way, to `failed/`; its new place."""
        target = self._aside(folder.parent.name, folder.name)
        with explained(folder), suppress(FileNotFoundError):  # another run has done it
            target.parent.mkdir(parents=True, exist_ok=True)
            folder.replace(target)
        return target

    def link(self, grid: str, experiment: str, stage: str, entry: Entry) -> None:
        """Make the artifact reachable as `experiments/<grid>/<experiment>/<stage>`."""
        link = self.root / "experiments" / grid / experiment / stage
        target = os.path.relpath(entry.folder, link.parent)
        with explained(link):
            link.parent.mkdir(parents=True, exist_ok=True)
            if link.is_symlink() and str(link.readlink()) == target:
                return
            temporary = link.with_name(f".{stage}-{uuid.uuid4().hex}")
            temporary.symlink_to(target)
            temporary.replace(link)

    def remove(self, folder: Path) -> None:
        """Delete an artifact: moved away first, so that it is never incomplete."""
        with explained(folder):
            _delete(self._doom(folder))

    def remove_failed(self) -> int:
        """Delete everything under `failed/`; how many bytes that frees."""
        freed = self.failed_bytes()
        with explained(self.root / FAILED):
            for stage in list_folder(self.root / FAILED):
                _delete(Path(stage.path))
        return freed

    def failed_bytes(self) -> int:
        """What `remove_failed` would free."""
        files = (self.root / FAILED).rglob("*")
        return sum(path.lstat().st_size for path in files if not path.is_dir())

    def live_runs(self) -> int:
        """How many runs are using the store now."""
        return sum(1 for run in (self.root / "tmp").glob("run-*") if is_held(self._alive(run)))

    def _aside(self, stage: str, name: str) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        return self.root / FAILED / stage / f"{name}--{stamp}"

    def _make(self) -> None:
        """Make the store's folders; an error if nothing can be written there."""
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=self.root / "tmp"):
            pass

    def _alive(self, run: Path) -> Path:
        """The lock that a run holds for as long as it lives; taken before its folder is made."""
        return self.root / "locks" / f"{run.name}.lock"

    def _sweep(self) -> None:
        """Remove what killed runs left behind."""
        for doomed in (self.root / "tmp").glob("doomed-*"):
            with suppress(OSError):  # it is another user's, or another run is deleting it
                _delete(doomed)
        for run in (self.root / "tmp").glob("run-*"):
            if not is_held(self._alive(run)):
                self._discard(run)
                with suppress(OSError):  # it is another user's
                    self._alive(run).unlink(missing_ok=True)

    def _discard(self, folder: Path) -> None:
        """Delete a folder under `tmp/` as far as possible, if it still exists."""
        with suppress(OSError):
            _delete(self._doom(folder))

    def _doom(self, folder: Path) -> Path:
        """Move what is to be deleted out of the way; its new place.

        A commit could replace the folder while its files are being deleted; after the move, it
        cannot.
        """
        doomed = self.root / "tmp" / f"doomed-{uuid.uuid4().hex}"
        doomed.parent.mkdir(exist_ok=True)
        folder.replace(doomed)
        return doomed

    def _move(self, workspace: Workspace, manifest: Manifest, target: Path) -> None:
        text = manifest.dumps()
        try:
            Manifest.loads(text.encode())
        except ValueError as error:
            raise StoreError(f"The stage {manifest.stage} gave a result that {error}.") from error
        with explained(target):
            with suppress(FileNotFoundError):  # gone if an earlier attempt to move failed
                shutil.rmtree(workspace.folder / "scratch")
            (workspace.folder / FILE).write_text(text, encoding="utf-8")
            _settle(workspace.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                self.set_aside(target)
            workspace.folder.replace(target)
            _fsync(target.parent)


def _settle(folder: Path) -> None:
    """Sync everything in `folder` to disk, and make it readable as the umask says, files read-only.

    Whatever made a file may have kept it private, as `tempfile` does.
    """
    for path in (*folder.rglob("*"), folder):
        if path.is_symlink():
            continue
        if path.is_file():
            _fsync(path)
            runs = 0o111 if path.stat().st_mode & stat.S_IXUSR else 0
            path.chmod((0o444 | runs) & ~UMASK)
        elif path.is_dir():
            _fsync(path)
            path.chmod(0o777 & ~UMASK)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: Path) -> None:
    """Delete a folder, or whatever lies in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
