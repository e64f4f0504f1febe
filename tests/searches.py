"""What searches find, made up; and a runner that finds it."""

from __future__ import annotations

import json
import threading
from typing import Any

from fakes import FakeRunner

from bench.console.events import Emit
from bench.runners import Job
from bench.runners.wire import Result

MODEL = {"lut": 30_000, "ff": 22_000, "bram18": 68, "uram": 0, "dsp": 0}


def design(goal: str = "fastest", **changes: Any) -> dict[str, Any]:
    """A design of one layer."""
    layer = {"name": "MVAU_0", "chosen": {"PE": 16, "SIMD": 64, "core": "lut"}, "cycles": 64}
    faster = {
        "interval": 32, "binds": ["lut"], "model": {**MODEL, "lut": 60_000},
        "shares": {"lut": 1.27, "ff": 0.4, "bram18": 0.2, "uram": 0.0, "dsp": 0.01},
    }  # fmt: skip
    found = {
        "goal": goal, "reason": None, "share": 0.85, "interval": 64, "model": MODEL,
        "reserve": {"lut": 7571, "ff": 10015, "bram18": 3, "uram": 0, "dsp": 2},
        "shares": {"lut": 0.706, "ff": 0.3, "bram18": 0.25, "uram": 0.0, "dsp": 0.01},
        "size": 0.706, "between": {**MODEL, "lut": 2000}, "layers": [{**layer, **MODEL}],
        "faster": faster if goal == "fastest" else None,
    }  # fmt: skip
    return found | changes


def target(*designs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What was found for the Pynq-Z1."""
    found = {
        "board": "Pynq-Z1", "part": "xc7z020clg400-1", "clock_mhz": 100.0, "share": 0.85,
        "cores": ["dsp", "lut"], "reserve": {"lut": 7571, "ff": 10015, "bram18": 3, "dsp": 2},
        "available": {"lut": 53200, "ff": 106400, "bram18": 280, "dsp": 220, "uram": 0},
        "designs": list(designs) or [design()], "front": [], "compared": None,
    }  # fmt: skip
    return found | changes


def metrics(*targets: dict[str, Any]) -> dict[str, Any]:
    """What a search leaves."""
    return {"targets": list(targets) or [target()], "dma_cycles": 128}


class Searcher(FakeRunner):
    """Finds a design for each goal."""

    def __init__(self) -> None:
        super().__init__()
        self.specs: list[dict[str, Any]] = []

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """See `Runner`."""
        result = super().run(job, emit, cancelled)
        if job.request.stage == "search":
            self.specs.append(dict(job.request.spec))
            found = target(*(design(goal) for goal in job.request.spec["goals"]))
            path = job.request.outputs / "metrics.json"
            path.write_text(json.dumps(metrics(found)))
        return result
