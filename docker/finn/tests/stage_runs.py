"""Runs stages as the worker does, in this process."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contract.stage import Stage
from stagekit import Reporter, Request

Ran = tuple[Path, dict[str, Any], str]
"""Outputs, metrics and events of a stage."""


def new_request(
    root: Path,
    stage: Stage,
    spec: Mapping[str, Any],
    inputs: Mapping[str, Path],
    cache: Path | None = None,
) -> Request:
    """A request as the worker reads it from `request.json`, with new folders below `root`."""
    request = Request(
        stage=stage.name,
        entry=stage.entry,
        spec=spec,
        inputs=inputs,
        outputs=root / "outputs",
        scratch=root / "scratch",
        cache=cache or root / "cache",
        result=root / "result.json",
        cpus=2,
    )
    for folder in (request.outputs, request.scratch):
        folder.mkdir(parents=True)
    request.cache.mkdir(parents=True, exist_ok=True)
    request.write(root / "request.json")
    return Request.load(root / "request.json")


def run(function: Callable[[Request, Reporter], None], request: Request) -> Ran:
    """Run the function of a stage."""
    events = io.StringIO()
    function(request, Reporter(events))
    metrics = json.loads((request.outputs / "metrics.json").read_text(encoding="utf-8"))
    return request.outputs, metrics, events.getvalue()
