"""Files that several write at once."""

from __future__ import annotations

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bench.paths import ROOT
from bench.system.files import UMASK, write_atomic


def test_many_write_one_file_and_nobody_reads_half_of_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.json"
    contents = [letter * 100_000 for letter in "abcdefgh"]

    def write(content: str) -> str:
        write_atomic(path, content)
        return path.read_text()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(write, contents * 20)) <= set(contents)
    assert [file.name for file in path.parent.iterdir()] == ["file.json"]


def test_what_cannot_be_written_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"before")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("no space")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_atomic(path, b"after")
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mode", "expected"), [(0o666, 0o666 & ~UMASK), (0o600, 0o600)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mode: int, expected: int) -> None:
    write_atomic(tmp_path / "file", "text", mode=mode)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == expected


def test_names_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_atomic(path, "text")
    assert path.read_text() == "text"


def test_no_other_module_writes_through_a_temporary_file_of_a_fixed_name() -> None:
    fixed = re.compile(r"""with_(name|suffix)\(.*\.tmp""")
    offenders = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "bench").rglob("*.py")
        if fixed.search(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []
