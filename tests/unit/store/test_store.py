"""The store: keys, whole or nothing, damage, locks between runs."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from stored import KEY, put

from bench.errors import StoreError, store_error
from bench.store import Store
from bench.store.keys import PIECE, artifact_key, hash_file, hash_sources
from bench.store.manifest import describe_files
from bench.system.locks import Cancelled, hold


def test_the_key_is_pinned() -> None:
    """A change of this literal makes every store in the world stale: only ever on purpose."""
    key = artifact_key("train", {"bits": [2, 2], "lr": 0.01}, {"dataset": "ff"}, "ee")
    assert key == "ec8e5a20c30268e48aa17673f7dc72531d82bf8e5e4d71492db8c9900a8cded7"


def test_the_key_depends_on_each_of_its_parts() -> None:
    parts = ("train", {"bits": 2}, {"dataset": "ff"}, "ee")
    changed = ("export", {"bits": 3}, {"dataset": "00"}, "dd")
    keys = {artifact_key(*parts)}
    for position, value in enumerate(changed):
        keys.add(artifact_key(*parts[:position], value, *parts[position + 1 :]))
    assert len(keys) == len(parts) + 1


def test_sources_are_hashed_by_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "a.py").write_text("1")
    first = hash_sources(tmp_path, ["pkg"])
    (tmp_path / "pkg" / "__pycache__" / "a.pyc").write_text("x")
    assert hash_sources(tmp_path, ["pkg"]) == first
    (tmp_path / "pkg" / "a.py").rename(tmp_path / "pkg" / "b.py")
    assert hash_sources(tmp_path, ["pkg"]) != first


def test_what_is_committed_is_found_and_sound(store: Store) -> None:
    put(store)
    entry = store.find("train", KEY)
    assert entry is not None
    assert entry.damage() == []
    assert (entry.files / "sub" / "weights.bin").read_text() == "weights"
    assert store.find("train", "cd" * 32) is None
    assert [e.manifest.key for e in store.entries()] == [KEY]
    assert list((store.root / "tmp").iterdir()) == []


def test_equal_contents_have_equal_hashes_whoever_made_them(store: Store) -> None:
    first = put(store).manifest
    assert replace(first, seconds=9.0, host={"a": "b"}).content_hash == first.content_hash
    assert replace(first, status="infeasible").content_hash != first.content_hash


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (lambda f: f.write_text("weighty"), "another SHA-256"),
        (lambda f: f.write_text("weights and more"), "another size"),
        (lambda f: f.unlink(), "is missing"),
        (lambda f: (f.parent / "extra").write_text(""), "does not belong there"),
    ],
)
def test_damage_is_found(store: Store, harm, expected: str) -> None:  # noqa: ANN001
    entry = put(store)
    file = entry.files / "sub" / "weights.bin"
    file.chmod(0o644)
    harm(file)
    assert [expected in damage for damage in entry.damage()] == [True]


def test_a_changed_content_is_found_whatever_size_and_time_say(store: Store) -> None:
    entry = put(store, "weights")
    path = entry.files / "sub" / "weights.bin"
    times = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:  # the same inode, too
        file.write(b"W")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert entry.damage() == ["sub/weights.bin has another SHA-256"]


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, 2 * PIECE + 1])
def test_a_file_of_any_size_is_hashed_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    content = bytes(range(251)) * (size // 251 + 1)
    path.write_bytes(content[:size])
    assert hash_file(path) == hashlib.sha256(content[:size]).hexdigest()


def test_files_are_in_the_order_of_the_parts_of_their_paths(tmp_path: Path) -> None:
    """Content hashes are of files in order: another one would make every store stale."""
    for name in ("a/x", "a-b", "a/b/c", "B"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder").symlink_to(tmp_path / "a")
    assert [file.path for file in describe_files(tmp_path)] == ["B", "a/b/c", "a/x", "a-b"]


def test_a_damaged_artifact_is_set_aside_not_deleted(store: Store) -> None:
    entry = put(store)
    aside = store.set_aside(entry.folder)
    assert store.find("train", KEY) is None
    assert (aside / "files" / "sub" / "weights.bin").exists()


def test_a_killed_run_leaves_nothing_behind_for_long(store: Store) -> None:
    with store.session():
        live = store.workspace("train", KEY)
        killed = store.root / "tmp" / "run-0123"
        (killed / "train-x" / "files").mkdir(parents=True)
        other = Store(store.root)
        with other.session():
            assert not killed.exists()
            assert live.folder.exists(), "the files of a live run were swept away"
            assert store.live_runs() == 2
    assert store.live_runs() == 0


def test_a_store_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreError):
        Store(tmp_path / "store")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_not_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match="Permission denied"), Store(tmp_path / "store").session():
        pass


@pytest.mark.parametrize(
    ("number", "remedy"),
    [(errno.ENOSPC, "Free some disk space"), (errno.EROFS, "--store"), (errno.EACCES, "--store")],
)
def test_disk_errors_carry_their_remedy(number: int, remedy: str) -> None:
    error = store_error(OSError(number, os.strerror(number)), Path("x"))
    assert remedy in error.remedy


@pytest.mark.parametrize("act", [Path.read_bytes, lambda path: path.write_bytes(b"")])
def test_a_folder_in_the_place_of_a_file_is_to_be_moved(
    tmp_path: Path, act: Callable[[Path], object]
) -> None:
    with pytest.raises(OSError, match="Is a directory") as caught:
        act(tmp_path)
    error = store_error(caught.value, tmp_path)
    assert error.what == f"{tmp_path}: Is a directory."
    assert "Delete or rename it" in error.remedy
    assert "a file of that name" in error.remedy


def make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)


def dangle(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    ("make", "act"),
    [
        (Path.touch, make_folder),
        (Path.touch, lambda path: make_folder(path / "x")),
        (Path.touch, lambda path: (path / "x").write_bytes(b"")),
        (Path.touch, lambda path: list((path / "x").iterdir())),
        (dangle, make_folder),
        (dangle, lambda path: make_folder(path / "x")),
    ],
)
def test_a_file_in_the_place_of_a_folder_is_to_be_moved(
    tmp_path: Path, make: Callable[[Path], object], act: Callable[[Path], object]
) -> None:
    place = tmp_path / "locks"
    make(place)
    with pytest.raises(OSError, match=r".") as caught:
        act(place)
    error = store_error(caught.value, place / "x")
    assert error.what.startswith(f"{place}: ")
    assert "Delete or rename it" in error.remedy
    assert "a folder of that name" in error.remedy


def test_links_follow_the_newest_artifact(store: Store) -> None:
    first = put(store)
    store.link("grid", "net-low", "train", first)
    link = store.root / "experiments" / "grid" / "net-low" / "train"
    assert link.resolve() == first.folder
    second = put(store, "other", "cd" * 32)
    store.link("grid", "net-low", "train", second)
    assert link.resolve() == second.folder


def test_waiting_for_a_lock_is_told_and_can_be_cancelled(tmp_path: Path) -> None:
    told: list[bool] = []
    cancelled = threading.Event()
    path = tmp_path / "x.lock"

    def wait() -> None:
        told.append(True)
        cancelled.set()

    with FileLock(path), pytest.raises(Cancelled), hold(path, cancelled, wait):
        pass
    assert told == [True]


def test_threads_of_one_run_that_wait_for_each_other_do_not_speak_of_another(
    tmp_path: Path,
) -> None:
    told: list[bool] = []

    def work(path: Path) -> None:
        with hold(path, threading.Event(), lambda: told.append(True)):
            pass

    with hold(tmp_path / "x.lock", threading.Event()):
        waiting = threading.Thread(target=work, args=(tmp_path / "x.lock",))
        waiting.start()
        work(tmp_path / "y.lock")
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join()
    assert not told


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "a\nb"])
def test_a_path_that_verilog_cannot_name_is_refused_at_once(tmp_path: Path, odd: str) -> None:
    with pytest.raises(StoreError, match="path has"), Store(tmp_path / odd).session():
        pass
    assert not (tmp_path / odd).exists()
