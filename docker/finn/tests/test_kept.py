"""The cache of the workers: what is damaged in it is made again, and nobody sees half a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from finn_worker.kept import EXECUTABLE, Cache
from stagekit import StageError

CONTENT = bytes(range(256)) * 8192  # 2 MiB, as a simulator


def damage_by(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


DAMAGES: dict[str, Callable[[Path], object]] = {
    "emptied": damage_by(lambda content: b""),
    "cut": damage_by(lambda content: content[:-1]),
    "flipped": damage_by(lambda content: content[:-100] + b"?" + content[-99:]),
    "foreign": damage_by(lambda content: b"#!/bin/sh\necho no\n"),
    "longer": damage_by(lambda content: content + b"\0"),
    "a link to nowhere": lambda path: (path.unlink(), path.symlink_to("nowhere")),
    "gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
@pytest.mark.parametrize("name", ["simulator-0123", "runtime-0123.o"])
def test_a_damaged_file_counts_as_missing(
    name: str, damage: Callable[[Path], object], tmp_path: Path
) -> None:
    notes: list[str] = []
    cache = Cache(tmp_path / "cache", notes.append)
    assert cache.find(name) is None
    kept = cache.keep(name, CONTENT)
    assert cache.find(name) == kept
    assert cache.read(name) == CONTENT
    assert kept.name.startswith(f"{Path(name).stem}-")
    assert kept.suffix == Path(name).suffix
    assert notes == []

    damage(kept)
    assert cache.find(name) is None
    assert cache.keep(name, CONTENT) == kept
    assert cache.find(name) == kept
    assert kept.read_bytes() == CONTENT
    assert notes in ([], [f"The cached file {name} was damaged; it is made again."])


def test_what_lies_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    kept = cache.keep("simulator-0", CONTENT)
    kept.unlink()
    (kept / "inside").mkdir(parents=True)
    assert cache.find("simulator-0") is None
    with pytest.raises(StageError, match=f"cannot be written: {kept}: Is a directory"):
        cache.keep("simulator-0", CONTENT)
    assert list(tmp_path.iterdir()) == [kept]


def test_a_damaged_file_beside_a_sound_one_is_passed_over(tmp_path: Path) -> None:
    notes: list[str] = []
    cache = Cache(tmp_path, notes.append)
    kept = [cache.keep("simulator-0", content) for content in (b"one", b"two")]
    first, second = sorted(kept)
    first.write_bytes(b"")
    assert cache.find("simulator-0") == second
    assert notes == []


def test_similar_names_are_kept_apart(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    cache.keep("simulator-0", b"one")
    cache.keep("simulator-01", b"two")
    cache.keep("simulator-0.o", b"three")
    found = [cache.read(name) for name in ("simulator-0", "simulator-01", "simulator-0.o")]
    assert found == [b"one", b"two", b"three"]


def test_modes_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        plain = Cache(tmp_path).keep("plain", b"")
        program = Cache(tmp_path).keep("program", b"", EXECUTABLE)
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (plain, program)] == [0o640, 0o750]


def test_nobody_sees_half_a_file(tmp_path: Path) -> None:
    notes: list[str] = []
    cache = Cache(tmp_path, notes.append)
    kept = cache.keep("simulator-0", CONTENT)
    with ThreadPoolExecutor(2) as pool:
        writes = [pool.submit(cache.keep, "simulator-0", CONTENT) for _ in range(20)]
        while not all(write.done() for write in writes):
            assert cache.find("simulator-0") == kept
    assert list(tmp_path.iterdir()) == [kept]
    assert notes == []


def test_a_cache_that_cannot_be_a_folder_is_an_error_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    cache = Cache(tmp_path / "cache")
    for use in (cache.check_writable, lambda: cache.keep("a", b"")):
        with pytest.raises(StageError, match="cannot be written") as caught:
            use()
        assert str(tmp_path / "cache") in caught.value.what
        assert "disk space" in caught.value.remedy


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
def test_a_full_or_read_only_cache_is_an_error(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(StageError, match=os.strerror(number)):
        Cache(tmp_path).keep("simulator-0", CONTENT)
    assert list(tmp_path.iterdir()) == []
