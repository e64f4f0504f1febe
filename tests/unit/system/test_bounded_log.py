"""What is kept of what a process prints."""

from __future__ import annotations

import io
import os
import random
import sys
import threading
from pathlib import Path

import pytest

from bench.system.bounded_log import BoundedLog
from bench.system.process import Child


def kept(text: bytes, part: int, seed: int = 1) -> bytes:
    """What a log of `part` bytes at each end holds of `text`, written in pieces."""
    file, pieces = io.BytesIO(), random.Random(seed)
    with BoundedLog(file, part) as log:
        while text:
            size = pieces.randint(1, 7)
            log.write(text[:size])
            text = text[size:]
    return file.getvalue()


@pytest.mark.parametrize("seed", range(5))
def test_a_short_log_is_kept_whole(seed: int) -> None:
    text = bytes(range(200))
    assert kept(text, 100, seed) == text
    assert kept(text, 300, seed) == text


@pytest.mark.parametrize("seed", range(5))
def test_of_a_long_log_the_beginning_and_the_end_are_kept(seed: int) -> None:
    text = b"".join(b"%04d\n" % number for number in range(1000))
    beginning, said, end = kept(text, 500, seed).partition(b"\n[...")
    said, _, end = end.partition(b"...]\n")
    assert beginning == text[:500]
    assert text.endswith(end)
    assert 500 <= len(end) < 510
    left_out = int(said.split()[0].replace(b",", b""))
    assert len(beginning) + left_out + len(end) == len(text)


def test_the_beginning_is_there_at_once() -> None:
    file = io.BytesIO()
    log = BoundedLog(file, 10)
    log.write(b"hello")
    assert file.getvalue() == b"hello"
    log.write(b" world and more")
    assert file.getvalue() == b"hello worl"


def test_a_process_that_prints_without_end_fills_no_disk(tmp_path: Path) -> None:
    code = "import sys\nfor n in range(300): sys.stderr.write('x' * 100_000)\nsys.exit('the end')"
    path, command = tmp_path / "log", [sys.executable, "-c", code]
    with (
        path.open("ab") as file,
        BoundedLog(file) as log,
        Child(command, dict(os.environ), log, threading.Event()) as child,
    ):
        assert child.wait() == 1
    assert path.stat().st_size < 9 << 20
    assert b"bytes left out" in path.read_bytes()
    assert path.read_bytes().endswith(b"the end\n")
