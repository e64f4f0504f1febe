"""What inspections find, made up; and a runner that finds it."""

from __future__ import annotations

import json
import threading
from typing import Any

from fakes import FakeRunner

from bench.console.events import Emit
from bench.errors import StageFailure
from bench.runners import Job
from bench.runners.wire import Result

MATRIX: dict[str, Any] = {
    "name": "MVAU_0", "kind": "MVAU", "what": "576 x 64 for 784 pixels",
    "input_shape": [28, 28, 576], "output_shape": [28, 28, 64], "input_datatype": "INT2",
    "output_datatype": "INT10", "weights": "INT2", "mw": 576, "mh": 64,
    "pe": [1, 2, 4, 8, 16, 32, 64],
    "simd": [n for n in range(1, 576) if 576 % n == 0],
}  # fmt: skip
POOL: dict[str, Any] = {
    "name": "Pool_0", "kind": "Pool", "what": "maximum of 2x2", "input_shape": [14, 14, 256],
    "output_shape": [14, 14, 64], "input_datatype": "INT2", "output_datatype": "INT2",
    "weights": None, "mw": None, "mh": None, "pe": [1, 2, 4], "simd": None,
}  # fmt: skip
NONE = {"lut": 0, "bram18": 0, "dsp": 0, "uram": 0}


def design(folding: str = "PE = SIMD = 1", **changes: Any) -> dict[str, Any]:
    """A design of MATRIX, a width converter and POOL."""
    layers = [
        {"name": "MVAU_0", "op_type": "MVAU_hls", "stand_in": False, "core": None, "pe": 2,
         "simd": 8, "cycles": 28_901_376, **NONE, "lut": 1197},
        {"name": "StreamingDataWidthConverter_rtl_0", "op_type": "StreamingDataWidthConverter_rtl",
         "stand_in": False, "core": None, "pe": None, "simd": None, "cycles": 0, **NONE},
        {"name": "Pool_0", "op_type": "Pool_hls", "stand_in": True, "core": None, "pe": 4,
         "simd": None, "cycles": 50_176, **NONE},
    ]  # fmt: skip
    found = {
        "folding": folding, "board": "Pynq-Z1", "part": "xc7z020clg400-1", "clock_mhz": 100.0,
        "reason": None, "note": None, "by": "estimate", "layers": layers, "bottleneck": "MVAU_0",
        "ii_estimated": 28_901_376, "needed": {**NONE, "lut": 1197, "dsp_instantiated": 0},
        "available": {"lut": 53200, "bram18": 280, "dsp": 220, "uram": 0}, "fits": True,
        "uncharged": {"lut": {"Pool_hls": 1}},
    }  # fmt: skip
    return found | changes


def cannot_be(folding: str, reason: str) -> dict[str, Any]:
    """A design that cannot be."""
    kept = {name: design()[name] for name in ("board", "part", "clock_mhz")}
    return {**kept, "folding": folding, "reason": reason}


def metrics(*designs: dict[str, Any]) -> dict[str, Any]:
    """What an inspection leaves."""
    return {
        "layers": [MATRIX, POOL],
        "host": {
            "before": [{"op": "Transpose", "what": "channels last"}],
            "after": [{"op": "Mul", "what": "a scale for each output"}],
        },
        "designs": list(designs),
        "known_faults": [],
    }


class Inspector(FakeRunner):
    """Finds one design of each network, but for the network `refused`.

    Attributes:
        refused: What no inspection passes: part of a task's name.
    """

    def __init__(self) -> None:
        super().__init__()
        self.refused = "no network"

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        """See `Runner`."""
        result = super().run(job, emit, cancelled)
        if job.request.stage == "inspect":
            if self.refused in job.task:
                raise StageFailure("There is no hardware layer for Tanh.", "Use ReLU.", job.log)
            foldings = job.request.spec["foldings"]
            designs = [design(name) for name, _ in foldings] or [design()]
            (job.request.outputs / "metrics.json").write_text(json.dumps(metrics(*designs)))
        return result
