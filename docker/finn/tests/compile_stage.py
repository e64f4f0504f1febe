"""Runs the compile stage as the tests do: on a small network, in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.finn.compile import STAGE
from finn_worker.compile import compile_model
from stage_runs import new_request, run

FOLDING = [[4, 8], [2, 4], [1, 2], [4, 4]]
SPEC = {
    "folding": FOLDING,
    "target_fps": None,
    "goal": None,
    "share": None,
    "cores": None,
    "options": [],
    "board": "Pynq-Z1",
    "part": "xc7z020clg400-1",
    "clock_mhz": 100.0,
    "oversized": "simulate",
}


@dataclass
class Outcome:
    """What one run of the stage left."""

    outputs: Path
    metrics: dict[str, Any]
    events: list[dict[str, Any]]


def compile_export(root: Path, export: Path, cache: Path | None = None, **changes: Any) -> Outcome:
    """Run the stage in this process; with a cache of its own, unless one is given."""
    request = new_request(root, STAGE, SPEC | changes, {"export": export}, cache)
    outputs, metrics, events = run(compile_model, request)
    return Outcome(outputs, metrics, [json.loads(line) for line in events.splitlines()])


def files(folder: Path) -> dict[str, bytes]:
    """Contents by relative path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
