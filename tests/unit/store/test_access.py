"""A store of another user, or on a read-only disk: what cannot be done is said."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path

import pytest
from built_archive import Built, command_line
from stored import manifest, put

from bench.cli import main
from bench.errors import Exit, StoreError
from bench.store import Store
from bench.system.files import UMASK


def deny(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let nobody open or list `path`, as if it were another user's."""
    real_open, real_scandir = os.open, os.scandir

    def check(asked: object) -> None:
        if isinstance(asked, (str, os.PathLike)) and os.fspath(asked) == str(path):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    def opened(asked: object, *arguments: object, **others: object) -> int:
        check(asked)
        return real_open(asked, *arguments, **others)  # type: ignore[arg-type]

    def scanned(asked: object = ".") -> object:
        check(asked)
        return real_scandir(asked)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)
    monkeypatch.setattr(os, "scandir", scanned)


@pytest.mark.parametrize("place", ["manifest.json", "..", "../.."])
@pytest.mark.parametrize(
    "words", [["ls"], ["verify"], ["gc", "--runner", "venv"], ["show", "ab"]], ids=str
)
def test_what_may_not_be_read_is_said(
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    place: str,
) -> None:
    put(store)
    other = put(store, key="ef" * 32).folder
    denied = Path(os.path.normpath(other / place))
    monkeypatch.setattr("bench.commands.gc._plans_of", lambda *_: iter(()))
    deny(monkeypatch, denied)
    assert main(["store", *words, "--store", str(store.root)]) == Exit.STORE
    shown = capsys.readouterr()
    assert f"{denied}: Permission denied" in shown.err
    assert "fix its permissions" in shown.err
    assert other.exists()


@pytest.mark.parametrize("place", ["manifest.json", ".."])
@pytest.mark.parametrize("words", [["plan"], ["run"], ["report"], ["claims"], ["export"], ["why"]])
def test_no_command_takes_what_may_not_be_read_for_missing(
    on_built: Built,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    place: str,
) -> None:
    (folder,) = on_built.resolver.store.root.glob("export/*")
    denied = Path(os.path.normpath(folder / place))
    deny(monkeypatch, denied)
    assert main(command_line(words, on_built, tmp_path)) == Exit.STORE
    assert f"{denied}: Permission denied" in capsys.readouterr().err


def test_folders_and_files_are_as_open_as_the_umask_lets(store: Store) -> None:
    with store.session():
        workspace = store.workspace("train", "ab" * 32)
        secret = workspace.files / "secret"
        secret.touch(mode=0o600)
        tool = workspace.files / "tool"
        tool.touch(mode=0o700)
        private = workspace.files / "private"
        private.mkdir(mode=0o700)
        entry = store.commit(workspace, manifest(workspace.files))

    def mode(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    assert {mode(entry.folder), mode(entry.files), mode(entry.files / "private")} == {
        0o777 & ~UMASK
    }
    assert mode(entry.files / "secret") == mode(entry.folder / "manifest.json") == 0o444 & ~UMASK
    assert mode(entry.files / "tool") == 0o555 & ~UMASK


def test_a_lock_of_another_user_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store)
    lock = store.root / "locks" / f"{'cd' * 32}.lock"
    lock.touch()
    deny(monkeypatch, lock)
    with (
        pytest.raises(StoreError, match="is another user's: Permission denied"),
        store.exclusive("cd" * 32, threading.Event(), lambda: None),
    ):
        pass


def test_a_run_of_another_user_counts_as_alive(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store)
    (store.root / "tmp" / "run-0123").mkdir()
    lock = store.root / "locks" / "run-0123.lock"
    lock.touch()
    assert store.live_runs() == 0
    deny(monkeypatch, lock)
    assert store.live_runs() == 1
    put(store, key="ef" * 32)
    assert (store.root / "tmp" / "run-0123").is_dir()


def test_a_read_only_store_can_be_looked_at_and_gc_says_why_not(
    store: Store,
    as_command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(store)

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    for name in ("mkdir", "replace", "unlink", "write_bytes"):
        monkeypatch.setattr(Path, name, refuse)
    at = ["--store", str(store.root)]
    for words in (["ls"], ["show", "ab"], ["verify"]):
        assert main(["store", *words, *at]) == Exit.OK
    monkeypatch.setattr("bench.commands.gc._plans_of", lambda *_: iter(()))
    assert main(["store", "gc", "--dry-run", *as_command]) == Exit.OK
    assert main(["store", "gc", *as_command]) == Exit.STORE
    shown = capsys.readouterr()
    assert "Read-only file system" in shown.err
    assert "removed" not in shown.out
