"""What a store keeps beside artifacts: a history, and records of runs; of any content."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from stored import loop

from bench.errors import StoreError
from bench.pipeline import history
from bench.session import grids, overrides

HISTORY = {
    "key": "k", "work": {"stage": "train"}, "machine": "m", "seconds": 1.0, "build_seconds": 0.0,
    "memory": 1, "disk": 1, "created": "2026-01-01T00:00:00+00:00",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": "1"}, {"seconds": float("nan")}, {"memory": 1e300}, {"created": "now"},
        {"work": []}, {"work": {"stage": 3}}, {"work": {"stage": "train", "amount": float("inf")}},
        {"key": None}, {"disk": -1},
    ],
)  # fmt: skip
def test_a_line_of_the_history_of_wrong_types_counts_for_nothing(
    tmp_path: Path, change: dict[str, object]
) -> None:
    lines = [json.dumps(HISTORY), json.dumps(HISTORY | change), "[" * 100_000, "{}", "3"]
    (tmp_path / "history.jsonl").write_text("\n".join(lines) + "\n")
    assert [record.key for record in history.read(tmp_path)] == ["k"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, loop])
def test_a_history_that_is_no_file_is_a_store_error(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "history.jsonl")
    with pytest.raises(StoreError, match=r"history\.jsonl"):
        history.read(tmp_path)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, loop])
def test_a_record_of_a_run_that_is_no_file_is_a_store_error(
    tmp_path: Path, make: Callable[[Path], object]
) -> None:
    overrides.record(tmp_path, "test", grids.Changes(images=20))
    (path,) = (tmp_path / overrides.FOLDER / "test").iterdir()
    path.unlink()
    make(path)
    with pytest.raises(StoreError, match=path.name):
        overrides.recorded(tmp_path, "test")


@pytest.mark.parametrize(
    "text", ['{"images": "many"}', '{"boards": [3]}', '{"images": 1e400}', "[" * 100_000, "\xff"]
)
def test_a_record_of_a_run_of_wrong_types_is_a_store_error(tmp_path: Path, text: str) -> None:
    overrides.record(tmp_path, "test", grids.Changes(images=20))
    (path,) = (tmp_path / overrides.FOLDER / "test").iterdir()
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match="does not say what a run changed"):
        overrides.recorded(tmp_path, "test")


def test_a_record_of_a_run_holds_every_change(tmp_path: Path) -> None:
    changes = grids.Changes(images=20, exact=True, trace_images=3, netlist=2, boards=("a", "b"))
    assert all(getattr(changes, field.name) for field in fields(changes))
    overrides.record(tmp_path, "test", changes)
    assert overrides.recorded(tmp_path, "test") == [changes]
