"""Small grids, and runners that do the stages' work in no time."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bare_runner import BareRunner
from bench import report
from bench.boards.pool import BoardPool
from bench.claims import Claim
from bench.console.events import Emit
from bench.errors import StageFailure
from bench.grids.experiment import Point
from bench.paths import ROOT
from bench.pipeline import Resolver, Step, survey
from bench.report.material import Material, gather
from bench.runners import Job
from bench.runners.host import HostContext
from bench.runners.wire import Result
from bench.session import reporting, runners
from bench.session.grids import open_grid

GRID = """
name = "test"
[train]
network = "TFC"
dataset = "MNIST"
bits = [[2, 2], [4, 4]]
seeds = [1]
epochs = 2
milestones = [1]
[build]
foldings = ["low", "max"]
board = "Pynq-Z1"
clock_mhz = 100.0
"""
FIFOS = [
    {"stream": f"{sender}_to_{receiver}", "producer": sender, "consumer": receiver, "depth": 2,
     "width_bits": 8}
    for sender, receiver in (("input", "MVAU_rtl_0"), ("MVAU_rtl_0", "output"))
]  # fmt: skip
OWN_MODEL = """
name = "mine"
[model]
file = "my_mlp.onnx"
dataset = "MNIST"
[build]
foldings = ["low"]
target_fps = [50000]
board = "Pynq-Z1"
clock_mhz = 100.0
"""
METRICS = {
    "train": {"accuracy": 0.95310000000001, "best_epoch": 2},
    "compile": {
        "lut": 100, "bram18": 3, "dsp": 0, "fits": True,
        "simulated": {
            "layers": [{"name": "MVAU_rtl_0", "op_type": "MVAU_rtl", "cycles_estimated": 64}]
        },
    },
    "simulate": {
        "images": 10, "accuracy": 0.9, "bit_exact": True, "latency_cycles": 300,
        "fifos": FIFOS, "steady_cycles": 100,
        "stalls": [{"blocked_cycles": 1, "starved_cycles": 2}] * 2, "ii_unsized": None,
    },
    "measure": {"measured_on": "emulated-board"},
}  # fmt: skip


def write_grid(folder: Path, text: str = GRID) -> Path:
    """A grid's file in `folder`, with the project's folding tables beside it."""
    tables = (ROOT / "experiments" / "foldings.toml").read_text()
    (folder / "foldings.toml").write_text(tables)
    path = folder / "test.toml"
    path.write_text(text)
    return path


def write_own_model(folder: Path) -> Path:
    """A valid grid of a model in `folder`, of which bench reads no more than that it is there."""
    (folder / "my_mlp.onnx").write_bytes(b"not read by bench")
    (folder / "foldings.toml").write_text("[my_mlp]\nlow = [[16, 8], [1, 10]]\n")
    path = folder / "mine.toml"
    path.write_text(OWN_MODEL)
    return path


class FakeRunner(BareRunner):
    """Writes a file that depends on the spec and the inputs, as a real stage does.

    Attributes:
        ran: `stage name` of every job, in the order they ran.
        before: Called with each job before it is done; may raise.
    """

    name = "venv"  # one that the command line knows

    def __init__(self) -> None:
        super().__init__()
        self.ran: list[str] = []
        self.before: Callable[[Job], None] = lambda job: None
        self.recipe_text = "recipe"
        self._lock = threading.Lock()

    def recipe(self, environment: str) -> str:
        return f"{self.recipe_text} {environment}"

    def describe(self, environment: str) -> dict[str, str]:
        return {"packages": f"tool==1 for {environment}"}

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        with self._lock:
            self.ran.append(f"{job.request.stage} {job.task}")
        job.log.write_text(f"working on {job.task}\n")
        self.before(job)
        seen = {
            name: sorted(path.read_text() for path in folder.iterdir())
            for name, folder in job.request.inputs.items()
        }
        metrics = {"spec": job.request.spec, "inputs": seen}
        (job.request.outputs / "metrics.json").write_text(json.dumps(metrics, sort_keys=True))
        return Result("done", "", "", "", {"tool": "1"}, {"work": 0.1}, 1)

    def fail_on(self, stage: str, task: str) -> None:
        """Make the stage of one task fail from now on."""

        def before(job: Job) -> None:
            if job.request.stage == stage and job.task == task:
                raise StageFailure("It broke.", "Mend it.", job.log)

        self.before = before


HOST = HostContext(workers=FakeRunner(), pool=BoardPool())


class MetricsRunner(FakeRunner):
    """Leaves plausible metrics; the interval depends on the folding.

    Args:
        more: More metrics, by stage.
    """

    def __init__(self, more: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        super().__init__()
        self._more = more or {}

    def run(self, job: Job, emit, cancelled):  # noqa: ANN001, ANN201
        result = super().run(job, emit, cancelled)
        stage = job.request.stage
        metrics = {**METRICS.get(stage, {}), **self._more.get(stage, {})}
        interval = 4096 if job.task.endswith("low") else 64
        if job.request.stage == "compile":
            metrics["ii_estimated"] = interval
        if job.request.stage == "simulate":
            metrics["ii_simulated"] = float(interval)
        if job.request.stage == "measure":
            metrics |= {"ii_measured": max(interval, 128), "clock_mhz": 100.0}
            metrics["fps_measured"] = 1e8 / metrics["ii_measured"]
        path = job.request.outputs / "metrics.json"
        path.write_text(json.dumps(metrics | {"task": job.task}))
        return result


def as_command_on(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options with which commands work on the store and the runners of `resolver`."""
    monkeypatch.setattr(runners, "open_resolver", lambda *arguments: resolver)
    return ["--store", str(resolver.store.root), "--runner", "venv"]


def gathered(experiments: Sequence[Point], resolver: Resolver) -> Material:
    """What a report of the store as it is would show."""
    found = survey(experiments, resolver)
    results = report.collect(experiments, found)
    trainings = report.collect_trainings(experiments, found)
    return gather("test", experiments, results, trainings, found.chains)


def steps_of(point: Point, resolver: Resolver) -> tuple[Step, ...]:
    """What is behind a point in the store as it is."""
    return tuple(survey((point,), resolver).steps_of(point).values())


def write_report(
    file: Path, resolver: Resolver, folder: Path, stated: Mapping[str, Claim] | None = None
) -> reporting.Reported:
    """The report of the grid in `file` on the store as it is."""
    grid = open_grid(file)
    return reporting.report_on(grid, survey(grid.points, resolver), stated or {}, folder)
