"""What a worker writes is used or refused, whatever it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.console.events import Note, Progress
from bench.errors import StageFailure
from bench.runners.wire import Result, read_result
from bench.runners.worker import as_event
from contract.wire import WIRE_VERSION

RESULT = {
    "wire": WIRE_VERSION, "status": "done", "reason": "", "remedy": "", "excerpt": "",
    "tools": {}, "timings": {}, "peak_memory_bytes": 1,
}  # fmt: skip


def test_a_result_is_read(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    assert read_result(path) is None
    path.write_text(json.dumps(RESULT))
    assert read_result(path) == Result("done", "", "", "", {}, {}, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b"3", b"[" * 100_000, b"\xff", b'"x"',
        json.dumps(RESULT | {"wire": 99}).encode(),
        json.dumps(RESULT | {"status": "great"}).encode(),
        json.dumps(RESULT | {"status": []}).encode(),
        json.dumps(RESULT | {"more": 1}).encode(),
        json.dumps(RESULT | {"wire": None}).encode()[:40],
    ],
)  # fmt: skip
def test_what_is_no_result_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(content)
    with pytest.raises(StageFailure, match="result cannot be used") as caught:
        read_result(path)
    assert "environment" in caught.value.remedy


@pytest.mark.parametrize(
    "line", ["", "[", "[" * 100_000, "null", '{"event": "x"}', '{"event": "progress", "a": 1}']
)
def test_a_line_that_is_no_event_is_a_note(line: str) -> None:
    assert as_event("task", "stage", line) == Note("task", line)


def test_a_line_that_is_an_event() -> None:
    line = '{"event": "progress", "done": 1, "total": 2, "unit": "image", "text": ""}'
    assert as_event("task", "stage", line) == Progress("task", "stage", 1, 2, "image", "")
