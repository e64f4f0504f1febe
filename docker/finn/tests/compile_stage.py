"""Runs the compile stage as the tests do: on a small network, in this process."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from contract.finn.compile import STAGE
from finn_worker import compile as stage
from stagekit import Reporter, Request

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


def write_request(root: Path, export: Path, **changes: Any) -> Path:
    """A request file, with its folders made, below `root`."""
    for name in ("outputs", "scratch", "cache"):
        (root / name).mkdir(parents=True)
    request = Request(
        stage="compile",
        entry=STAGE.entry,
        spec=SPEC | changes,
        inputs={"export": export},
        outputs=root / "outputs",
        scratch=root / "scratch",
        cache=root / "cache",
        result=root / "result.json",
        cpus=1,
    )
    path = root / "request.json"
    request.write(path)
    return path


def compile_export(root: Path, export: Path, cache: Path | None = None, **changes: Any) -> Outcome:
    """Run the stage in this process; with a cache of its own, unless one is given."""
    request = Request.load(write_request(root, export, **changes))
    request = replace(request, cache=cache or request.cache)
    events = io.StringIO()
    stage.compile_model(request, Reporter(events))
    metrics = json.loads((request.outputs / "metrics.json").read_text(encoding="utf-8"))
    lines = [json.loads(line) for line in events.getvalue().splitlines()]
    return Outcome(request.outputs, metrics, lines)


def files(folder: Path) -> dict[str, bytes]:
    """Contents by relative path."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
