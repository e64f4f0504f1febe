"""The user's model, from its file into an artifact: what is refused, and when."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from fakes import FakeRunner

from bench.boards.pool import BoardPool
from bench.errors import ConfigError, DataError
from bench.input.given import GivenFile, MissingFile, examine
from bench.models.keep import keep
from bench.runners.host import HostContext, HostReporter
from bench.runners.wire import Request
from bench.system.locks import Cancelled

CONTENT = b"onnx" * 1000
MOST = 10_000


def looked_at(path: Path) -> GivenFile:
    return examine("test.toml: model.file", path, MOST, "no more fits")


def write(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "trained.onnx"
    path.write_bytes(content)
    return path


def run(
    folder: Path, given: GivenFile, files: Mapping[str, Path], cancelled: threading.Event
) -> Path:
    outputs = folder / "outputs"
    outputs.mkdir()
    request = Request(
        stage="model",
        spec={"file_sha256": given.sha256, "file_bytes": given.bytes},
        inputs={},
        outputs=outputs,
        scratch=folder,
        cache=folder,
        result=folder / "result.json",
        cpus=1,
    )
    reporter = HostReporter("mine", "stage", lambda event: None, io.StringIO(), cancelled)
    keep(request, reporter, HostContext(workers=FakeRunner(), pool=BoardPool(), files=files))
    return outputs


def test_a_file_is_kept_byte_for_byte_whatever_its_name(tmp_path: Path) -> None:
    given = looked_at(write(tmp_path))
    assert (given.bytes, given.sha256) == (4000, hashlib.sha256(CONTENT).hexdigest())
    outputs = run(tmp_path, given, {given.sha256: given.path}, threading.Event())
    assert (outputs / "model.onnx").read_bytes() == CONTENT
    kept = json.loads((outputs / "metrics.json").read_text())
    assert kept == {"bytes": 4000, "sha256": given.sha256}


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path) -> None:
    assert looked_at(write(tmp_path, b"x" * MOST)).bytes == MOST
    with pytest.raises(ConfigError) as caught:
        looked_at(write(tmp_path, b"x" * (MOST + 1)))
    assert "at most 0.0 MB are read: no more fits" in caught.value.what


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFile, match=r"model\.file: there is no file .*trained\.onnx"):
        looked_at(tmp_path / "trained.onnx")


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("folder", "it is a folder"),
        ("pipe", "it is no regular file"),
        ("device", "it is no regular file"),
        ("empty", "is empty"),
        ("null byte", "is not a path"),
        ("below a file", "cannot be read: Not a directory"),
        ("too long", "cannot be read: File name too long"),
    ],
)
def test_what_is_no_file_of_a_model(tmp_path: Path, kind: str, problem: str) -> None:
    path = tmp_path / "trained.onnx"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "empty":
            path.touch()
        case "null byte":
            path = Path("a\0b")
        case "below a file":
            path = write(tmp_path) / "x"
        case "too long":
            path = tmp_path / ("x" * 300)
    with pytest.raises(ConfigError) as caught:
        looked_at(path)
    assert problem in caught.value.what
    assert caught.value.what.startswith("test.toml: model.file")
    assert caught.value.remedy


@pytest.mark.parametrize("content", [b"onnX" * 1000, b"onnx" * 999, b"onnx" * 1001])
def test_a_file_that_changes_meanwhile_is_refused(tmp_path: Path, content: bytes) -> None:
    path = write(tmp_path)
    given = looked_at(path)
    path.write_bytes(content)
    with pytest.raises(DataError, match="has changed since the run started"):
        run(tmp_path, given, {given.sha256: path}, threading.Event())
    assert not (tmp_path / "outputs" / "model.onnx").exists()


def test_a_file_that_is_removed_meanwhile(tmp_path: Path) -> None:
    given = looked_at(write(tmp_path))
    given.path.unlink()
    with pytest.raises(DataError, match="cannot be read any more: No such file"):
        run(tmp_path, given, {given.sha256: given.path}, threading.Event())


def test_a_file_that_nobody_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not known here"):
        run(tmp_path, GivenFile(tmp_path, 1, "0" * 64), {}, threading.Event())


def test_copying_ends_with_the_run(tmp_path: Path) -> None:
    given, ended = looked_at(write(tmp_path)), threading.Event()
    ended.set()
    with pytest.raises(Cancelled):
        run(tmp_path, given, {given.sha256: given.path}, ended)
