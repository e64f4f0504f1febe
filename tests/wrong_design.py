"""A store with a small grid, of which one design computes something else than was trained."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import FIFOS, GRID, FakeRunner, write_grid

from bare_runner import ENVIRONMENTS
from bench import report
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, execute, plan, survey
from bench.runners import Job
from bench.store import Store
from bench.words import Status

NAME = "tfc-mnist-w2a2-s1-max"
REASON = "of 63 of 200 images the RTL gives other outputs"
# Numbers of the wrong design that stand out, wherever they should not.
INTERVAL, RATE = 61.75, 1619433.198


INTERVALS = {"max": 64, "low": 4096, "min": 16384}


class DesignRunner(FakeRunner):
    """Leaves layers and intervals by folding; `mid-original` is infeasible."""

    def run(self, job: Job, emit, cancelled):  # noqa: ANN001, ANN201
        result = super().run(job, emit, cancelled)
        stage, outputs = job.request.stage, job.request.outputs
        interval = next((n for f, n in INTERVALS.items() if f"-{f}" in job.task), 1024)
        metrics: dict[str, Any] = {"task": job.task}
        if stage == "compile":
            if "mid-original" in job.task:
                result = replace(result, status="infeasible", reason="PE 8 does not divide 10")
            layer = {"name": "MVAU_rtl_0", "op_type": "MVAU_rtl", "cycles_estimated": interval}
            metrics |= {"ii_estimated": interval, "simulated": {"layers": [layer]}}
        elif stage == "simulate":
            metrics |= {
                "ii_simulated": float(interval),
                "fifos": FIFOS,
                "steady_cycles": 100,
                "stalls": [{"blocked_cycles": 1, "starved_cycles": 2}] * 2,
                "ii_unsized": None,
            }
        elif stage == "measure":
            metrics |= {"fps_measured": 1e8 / interval, "measured_on": "emulated-board"}
        (outputs / "metrics.json").write_text(json.dumps(metrics))
        return result


class WrongRunner(DesignRunner):
    """Finds the design `NAME` wrong in `stage`, with all its metrics."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage

    def run(self, job: Job, emit: Any, cancelled: Any) -> Any:
        result = super().run(job, emit, cancelled)
        path = job.request.outputs / "metrics.json"
        metrics = json.loads(path.read_text())
        if job.request.stage == "train":
            metrics |= {"accuracy": 0.97, "best_epoch": 2}
        if job.request.stage == "compile":
            metrics |= {"lut": 700, "bram18": 5, "dsp": 3, "fits": True}
            metrics |= {"uncharged": {"lut": {}}, "matrix_layers": {"MVAU_hls": 4}}
            metrics |= {"available": {"lut": 53200, "bram18": 280, "dsp": 220}}
        if job.request.stage == "simulate":
            metrics |= {"images": 200, "accuracy": 0.9, "bit_exact": True}
            metrics |= {"agreeing_with_torch": 200, "torch_ties": 0, "latency_cycles": 77}
        if job.request.stage == "measure":
            metrics |= {"ii_measured": 1e8 / metrics["fps_measured"], "clock_mhz": 100.0}
        if job.task == NAME and job.request.stage == "simulate":
            metrics["ii_simulated"] = INTERVAL
        if (job.task, job.request.stage) == (NAME, self.stage):
            if self.stage == "simulate":
                metrics |= {"bit_exact": False, "agreeing_with_torch": 137}
            result = replace(result, status=Status.WRONG, reason=REASON)
        path.write_text(json.dumps(metrics))
        return result


class Made:
    """A store with a small grid, in which one design is wrong."""

    def __init__(self, folder: Path, stage: str) -> None:
        text = GRID.replace('["low", "max"]', '["low", "max", "min"]')
        self.file = write_grid(folder, text)
        self.experiments = expand(load_grid(self.file))
        self.runner = WrongRunner(stage)
        self.store = Store(folder / "store")
        self.resolver = Resolver(self.store, dict.fromkeys(ENVIRONMENTS, self.runner))
        self.summary = self.run()

    def run(self) -> Any:
        return execute(plan(self.experiments), self.resolver, 2, 2, lambda event: None)

    def results(self) -> Any:
        return report.collect(self.experiments, survey(self.experiments, self.resolver))
