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
from bench.store import contents
from bench.store.contents import FAILED
from bench.store.entry import Broken, Entry, Workspace
from bench.store.keys import SHORT
from bench.store.manifest import FILE, Manifest
from bench.store.reading import explained, list_folder
from bench.system.files import UMASK
from bench.system.locks import hold, is_held

FOLDERS = ("tmp", "locks", FAILED, "cache", "environments")


class Store:
    """Keeps artifacts by key; safe to share between runs and to kill at any point.

    Args:
        root: The store's folder; made by the first `session`, so that looking leaves no trace.

    Raises:
        StoreError: It is a file, or cannot be looked at.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._run: Path | None = None
        with explained(root):
            if root.exists() and not root.is_dir():
                raise StoreError(f"{root} is a file.", "Name a folder with --store.")

    def require(self) -> None:
        """For whoever only looks: there has to be something to look at.

        Raises:
            StoreError: There is no such folder, or it cannot be read.
        """
        if not self.root.exists():
            raise StoreError(
                f"There is no store at {self.root}.",
                "Check --store and $BENCH_STORE; `bench run` makes a store where there is none.",
            )
        list_folder(self.root)

    @contextmanager
    def session(self) -> Iterator[Path]:
        """A run: clears what killed runs left behind, and its own leftovers at the end.

        Yields:
            A folder that is there for as long as the run is.

        Raises:
            StoreError: The store cannot be made or written.
        """
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

    def find(self, stage: str, key: str, name: str = "") -> Entry | None:
        """The artifact with this key, its files unverified; None when there is none.

        Args:
            stage: The stage that made it.
            key: Its key.
            name: The name that it most likely has; one of thousands is then found at once.

        Raises:
            DamageError: What lies in its place is no artifact.
            StoreError: It cannot be read.
        """
        return contents.find(self.root, stage, key, name)

    def survey(self) -> Iterator[Entry | Broken]:
        """All that lies where artifacts do, by stage and name; of stages of other versions, too.

        Raises:
            StoreError: The store cannot be read.
        """
        return contents.survey(self.root)

    def names(self, stage: str) -> dict[str, str]:
        """The name of each artifact of `stage`, by the start of its key as it stands in names.

        Raises:
            StoreError: They cannot be listed.
        """
        found = (entry.name.rpartition("--") for entry in list_folder(self.root / stage))
        return {short: name for name, _, short in found}

    def entries(self) -> Iterator[Entry]:
        """Every artifact, by stage and name.

        Raises:
            StoreError: Something in an artifact's place is none, or cannot be read.
        """
        for found in self.survey():
            if isinstance(found, Broken):
                raise found.error
            yield found

    def exclusive(
        self, key: str, cancelled: threading.Event, on_wait: Callable[[], None]
    ) -> AbstractContextManager[None]:
        """Hold the right to make the artifact `key`; `on_wait` is called once if another has it."""
        return hold(self.root / "locks" / f"{key}.lock", cancelled, on_wait)

    def workspace(self, stage: str, key: str) -> Workspace:
        """A fresh folder to work in; needs a `session`."""
        assert self._run is not None, "a workspace needs a session"
        # Not by `mkdtemp`, whose folders are the user's alone: this one becomes the artifact.
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
        """Keep what a failed stage left, with its log, where no key will find it."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        target = self.root / "failed" / manifest.stage / f"{manifest.name}--{stamp}"
        self._move(workspace, manifest, target)
        return target

    def discard(self, workspace: Workspace) -> None:
        """Delete a workspace, unless it has become an artifact."""
        self._discard(workspace.folder)

    def failures(self, stage: str) -> dict[str, tuple[Path, Manifest]]:
        """Folder and manifest of the latest failure to make each artifact of `stage`, by its key.

        Raises:
            StoreError: They cannot be read.
        """
        return contents.failures(self.root, stage)

    def set_aside(self, folder: Path) -> Path:
        """Move a damaged artifact out of the way, to `failed/`; its new place."""
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        target = self.root / FAILED / folder.parent.name / f"{folder.name}--{stamp}"
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
        """Delete an artifact: moved away first, so that it is never half there.

        Raises:
            StoreError: It cannot be removed.
        """
        with explained(folder):
            _delete(self._doom(folder))

    def remove_failed(self) -> int:
        """Delete what failures left under `failed/`; how many bytes that frees.

        Raises:
            StoreError: Something cannot be removed.
        """
        freed = self.failed_bytes()
        with explained(self.root / FAILED):
            for found in list_folder(self.root / FAILED):
                _delete(Path(found.path))
        return freed

    def failed_bytes(self) -> int:
        """What `remove_failed` would free."""
        files = (self.root / FAILED).rglob("*")
        return sum(path.lstat().st_size for path in files if not path.is_dir())

    def live_runs(self) -> int:
        """How many runs are using the store now."""
        return sum(1 for run in (self.root / "tmp").glob("run-*") if is_held(self._alive(run)))

    def _make(self) -> None:
        """The store's folders; an error if nothing can be written there."""
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
            with suppress(OSError):  # it is another user's, or another run is at it
                _delete(doomed)
        for run in (self.root / "tmp").glob("run-*"):
            if not is_held(self._alive(run)):
                self._discard(run)
                with suppress(OSError):  # it is another user's
                    self._alive(run).unlink(missing_ok=True)

    def _discard(self, folder: Path) -> None:
        """Delete a folder under `tmp/` as far as that is possible, if it is still there."""
        with suppress(OSError):
            _delete(self._doom(folder))

    def _doom(self, folder: Path) -> Path:
        """Move what is to be deleted where nobody looks for it; its new place.

        Deleting walks into folders. One that was moved first can be no other that a commit, at
        this very moment, moves into the store.
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
            with suppress(FileNotFoundError):  # gone if the workspace could not be moved before
                shutil.rmtree(workspace.folder / "scratch")
            (workspace.folder / FILE).write_text(text, encoding="utf-8")
            _settle(workspace.folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target):
                self.set_aside(target)
            workspace.folder.replace(target)
            _fsync(target.parent)


def _settle(folder: Path) -> None:
    """Make everything in `folder` durable, readable for whom the umask lets, files for no writing.

    Whatever made a file may have kept it to itself, as `tempfile` does.
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
