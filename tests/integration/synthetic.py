"""A synthetic store: a grid of any size in seconds, its numbers made up. For tests of the report.

Nothing here is a result. The formulas only give the figures something of a plausible shape.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from bare_runner import BareRunner, resolver_on
from bench.console.events import Emit
from bench.errors import StageFailure
from bench.grids.experiment import Point, expand, references
from bench.grids.grid import load_grid
from bench.grids.tables import Grid
from bench.paths import ROOT
from bench.pipeline import Resolver, execute, plan
from bench.runners import Job
from bench.runners.wire import Result

LAYERS = ((1024, 64), (64, 64), (64, 64), (64, 10))
HAS = {"bram18": 280, "dsp": 220, "lut": 53200, "uram": 0}
GRID = """
name = "synthetic"
[train]
network = "TFC"
dataset = {datasets}
weight_bits = {bits}
act_bits = {bits}
references = ["float", [16, 16]]
seeds = [1]
epochs = 40
milestones = [34]
[build]
foldings = {foldings}
board = "Pynq-Z1"
clock_mhz = 100.0
"""


class SyntheticRunner(BareRunner):
    """Writes made-up metrics; fails for the points in `failing`, by experiment name."""

    name = "synthetic"

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.failing = failing

    def recipe(self, environment: str) -> str:
        return f"synthetic {environment}"

    def describe(self, environment: str) -> dict[str, str]:
        return {"packages": f"made-up=={len(environment)}.0 another==1.2.3"}

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        request = job.request
        job.log.write_text("made up\n")
        if job.task in self.failing and request.stage == "simulate":
            raise StageFailure("Made-up failure with <b>markup</b> & 'quotes'.", "None.", job.log)
        inputs = {
            name: json.loads((folder / "metrics.json").read_text())
            for name, folder in request.inputs.items()
        }
        metrics = METRICS[request.stage](request.spec, inputs)
        reason = metrics.pop("infeasible", "")
        (request.outputs / "metrics.json").write_text(json.dumps(metrics, sort_keys=True))
        status = "infeasible" if reason else "done"
        return Result(status, reason, "", "", {"made-up tool": "1.0"}, {"work": 0.1}, 1 << 20)


def _train(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    weights, acts = spec["weight_bits"] or 32, spec["act_bits"] or 32
    easy = 0.978 if inputs["dataset"]["name"] == "MNIST" else 0.871
    final = easy - 0.02 / (weights - 1) - 0.012 / (acts - 1) + 0.001 * ((weights * acts) % 3)
    curve = [
        final - 0.08 * 0.8**epoch - (0.004 * ((epoch * weights) % 3) if epoch < 33 else 0)
        for epoch in range(spec["epochs"])
    ]
    return {
        "accuracy": max(curve),
        "best_epoch": curve.index(max(curve)) + 1,
        "parameters": 75000,
        "epochs": [
            {"epoch": number, "test_accuracy": accuracy} for number, accuracy in enumerate(curve, 1)
        ],
        "bits": [weights, acts],
    }


def _export(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"bits": inputs["train"]["bits"], "accuracy": inputs["train"]["accuracy"]}


def _compile(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    weights, _ = inputs["export"]["bits"]
    folding = spec["folding"]
    if any(mh % pe or mw % simd for (pe, simd), (mw, mh) in zip(folding, LAYERS, strict=True)):
        return {"infeasible": "PE does not divide the outputs of layer 4 <MH = 10>."}
    layers = []
    for number, ((pe, simd), (mw, mh)) in enumerate(zip(folding, LAYERS, strict=True)):
        layers.append({
            "name": f"MVAU_rtl_{number}", "op_type": "MVAU_rtl", "mw": mw, "mh": mh,
            "pe": pe, "simd": simd, "cycles_estimated": (mw // simd) * (mh // pe),
        })  # fmt: skip
        if number < 3:
            layers.append({
                "name": f"Thresholding_rtl_{number}", "op_type": "Thresholding_rtl",
                "mw": None, "mh": None, "pe": pe, "simd": None, "cycles_estimated": mh // pe,
            })  # fmt: skip
    lanes = sum(pe * simd for pe, simd in folding)
    use = {
        "lut": 600 + lanes * weights * 14 + (lanes * 40 if weights < 4 else 0),
        "bram18": min(400, 8 + lanes * weights // 38),
        "dsp": 0 if weights < 4 else lanes // 4 + 2,
    }
    return use | {
        "ii_estimated": max(layer["cycles_estimated"] for layer in layers),
        "folding": folding,
        "uncharged": {"lut": {} if weights < 4 else {"MVAU_rtl": 4}},
        "matrix_layers": {"MVAU_hls" if weights < 4 else "MVAU_rtl": 4},
        "available": HAS,
        "fits": all(use[name] <= HAS[name] for name in use),
        "simulated": {"layers": layers},
        "accuracy": inputs["export"]["accuracy"],
        "streams": list(pairwise(["input", *(layer["name"] for layer in layers), "output"])),
    }


def _size(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {"ii_unsized": 1.6 * inputs["compile"]["ii_estimated"], "total_depth": 30}


def _map(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    compiled = inputs["compile"]
    layers, streams = compiled["simulated"]["layers"], compiled["streams"]
    share = {
        "lut": compiled["lut"] // (2 * len(layers)), "ff": 40, "lutram": 2,
        "bram18": compiled["bram18"] // len(layers), "dsp": compiled["dsp"] // len(layers),
    }  # fmt: skip
    fifo = {"lut": 20, "ff": 20, "lutram": 0, "bram18": 0, "dsp": 0}
    total = {name: share[name] * len(layers) + fifo[name] * len(streams) for name in share}
    return total | {
        "layers": [{"name": one["name"], "op_type": one["op_type"], **share} for one in layers],
        "fifos": [{"name": f"{sender}_to_{receiver}", **fifo} for sender, receiver in streams],
        "reserve": dict.fromkeys(share, 0) | {"source": "made up"},
        "available": HAS,
        "fits": all(total[name] <= HAS[name] for name in ("lut", "bram18", "dsp")),
        "lacking": [],
        "binds": "lut",
        "binding_share": total["lut"] / HAS["lut"],
        "not_mapped": [],
    }


def _simulate(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    interval = inputs["compile"]["ii_estimated"]
    streams = inputs["compile"]["streams"]
    return {
        "images": spec["images"],
        "accuracy": round(inputs["compile"]["accuracy"], 3),
        "bit_exact": True,
        "agreeing_with_torch": spec["images"],
        "torch_ties": 0,
        "ii_simulated": float(interval),
        "ii_unsized": 1.6 * interval,
        "latency_cycles": 3 * interval + 70,
        "fifos": [
            {
                "stream": f"{sender}_to_{receiver}",
                "producer": sender,
                "consumer": receiver,
                "depth": 2 + (number % 3) * 14,
                "width_bits": 8,
            }
            for number, (sender, receiver) in enumerate(streams)
        ],
        "steady_cycles": 1000,
        "stalls": [
            {"blocked_cycles": 90 * number, "starved_cycles": 700 - 90 * number}
            for number in range(len(streams))
        ],
    }


def _measure(spec: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    interval = max(128.0, inputs["simulate"]["ii_simulated"])
    return {
        "fps_measured": 1e8 / interval, "ii_measured": interval, "clock_mhz": 100.0,
        "measured_on": "emulated-board",
        "board_name": "emulated", "input_bytes": 1024, "dma_bytes_per_cycle": 8,
    }  # fmt: skip


METRICS = {
    "dataset": lambda spec, inputs: {name: spec[name] for name in ("name", "test_images")},
    "draft": lambda spec, inputs: {"classes": spec["classes"]},
    "inspect": lambda spec, inputs: {"designs": []},
    "train": _train,
    "export": _export,
    "compile": _compile,
    "size": _size,
    "map": _map,
    "simulate": _simulate,
    "measure": _measure,
}


def write_grid(
    folder: Path, bits: tuple[int, ...], foldings: tuple[str, ...], datasets: tuple[str, ...]
) -> Path:
    """A grid file of every pair of `bits` at `foldings`."""
    folder.mkdir(parents=True)
    table = (ROOT / "experiments" / "foldings.toml").read_text(encoding="utf-8")
    (folder / "foldings.toml").write_text(table, encoding="utf-8")
    text = GRID.format(
        bits=list(bits), foldings=json.dumps(foldings), datasets=json.dumps(datasets)
    )
    path = folder / "synthetic.toml"
    path.write_text(text, encoding="utf-8")
    return path


def points_of(grid: Grid) -> tuple[Point, ...]:
    """What a run of `grid` makes."""
    return (*expand(grid), *references(grid))


def resolver_of(store: Path, failing: tuple[str, ...] = ()) -> Resolver:
    """A store in which the synthetic runner makes everything."""
    return resolver_on(store, SyntheticRunner(failing))


def fill(
    file: Path, store: Path, failing: tuple[str, ...] = ()
) -> tuple[Grid, tuple[Point, ...], Resolver]:
    """Run the grid in `file` with made-up numbers."""
    grid = load_grid(file)
    resolver = resolver_of(store, failing)
    execute(plan(points_of(grid)), resolver, 2, 2, lambda event: None)
    return grid, expand(grid), resolver
