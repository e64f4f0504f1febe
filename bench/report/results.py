"""One row per experiment, from what the store holds; nothing is computed twice or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.experiment import Experiment
from bench.pipeline import Resolver, Task, plan
from bench.stages import STAGES
from bench.store import Entry

COLUMNS = (
    "network", "dataset", "weight_bits", "act_bits", "folding", "seed", "epochs", "accuracy",
    "sim_images", "sim_accuracy", "bit_exact", "ii_estimated", "ii_simulated", "latency_cycles",
    "clock_mhz", "fps_core", "fps_measured", "measured_on", "lut", "bram18", "dsp", "fits",
    "status", "runner",
    "ii_unsized", "ii_measured", "best_epoch", "estimated_variant", "part",
    "synthesis", "lut_synth", "bram18_synth", "dsp_synth", "wns_ns", "fmax_mhz", "power_w",
    "board_name",
)  # fmt: skip


SYNTHESIS = ("lut_synth", "bram18_synth", "dsp_synth", "wns_ns", "fmax_mhz", "power_w")


def collect(experiments: Sequence[Experiment], resolver: Resolver) -> pd.DataFrame:
    """The results of `experiments`, one row each, columns `COLUMNS`; what is absent is NA."""
    tasks = plan(experiments)
    present = resolver.present(tasks)
    rows = []
    for experiment in experiments:
        own = {task.stage.name: task for task in tasks if experiment.name in task.serves}
        entries = {name: present[task.id] for name, task in own.items() if task.id in present}
        status = _status(own, present, resolver)
        synthesis = _synthesis(own["synthesize"], entries.get("synthesize"), resolver)
        rows.append(_row(experiment, entries) | {"status": status, "synthesis": synthesis})
    return pd.DataFrame(rows, columns=list(COLUMNS)).convert_dtypes()


def _row(experiment: Experiment, entries: Mapping[str, Entry]) -> dict[str, Any]:
    metrics = {stage: entry.metrics() for stage, entry in entries.items()}
    train = metrics.get("train", {})
    build = metrics.get("compile", {})
    simulation = metrics.get("simulate", {})
    measurement = metrics.get("measure", {})
    clock_mhz = 1000.0 / experiment.compile.clock_ns
    interval = simulation.get("ii_simulated")
    return {
        "network": experiment.train.network,
        "dataset": experiment.dataset.name,
        "weight_bits": experiment.train.weight_bits,
        "act_bits": experiment.train.act_bits,
        "folding": experiment.folding_name,
        "seed": experiment.train.seed,
        "epochs": experiment.train.epochs,
        "accuracy": train.get("accuracy"),
        "best_epoch": train.get("best_epoch"),
        "sim_images": simulation.get("images"),
        "sim_accuracy": simulation.get("accuracy"),
        "bit_exact": simulation.get("bit_exact"),
        "ii_estimated": build.get("ii_estimated"),
        "ii_simulated": interval,
        "ii_unsized": simulation.get("ii_unsized"),
        "latency_cycles": simulation.get("latency_cycles"),
        "clock_mhz": clock_mhz,
        "fps_core": None if interval is None else clock_mhz * 1e6 / interval,
        "fps_measured": measurement.get("fps_measured"),
        "ii_measured": measurement.get("ii_measured"),
        "measured_on": measurement.get("measured_on"),
        "lut": build.get("lut"),
        "bram18": build.get("bram18"),
        "dsp": build.get("dsp"),
        "fits": build.get("fits"),
        "estimated_variant": build.get("estimated_variant"),
        "part": experiment.compile.part,
        **{name: metrics.get("synthesize", {}).get(name) for name in SYNTHESIS},
        "board_name": measurement.get("board_name"),
        "runner": _runner(entries),
    }


def _runner(entries: Mapping[str, Entry]) -> str | None:
    """The runner of the worker stages; several, joined, if the store holds a mixture."""
    runners = {entry.manifest.environment["runner"] for entry in entries.values()} - {"host"}
    return "+".join(sorted(runners)) or None


def _synthesis(task: Task, entry: Entry | None, resolver: Resolver) -> str:
    """How the bitstream's build ended, or why there was none."""
    if lack := resolver.lacks(task):
        return f"skipped: {lack}"
    if entry is None:
        return "missing"
    reason = entry.manifest.reason
    return f"{entry.manifest.status}: {reason}" if reason else entry.manifest.status


def _status(own: Mapping[str, Task], present: Mapping[str, Entry], resolver: Resolver) -> str:
    """`done`; or what stopped the experiment: `infeasible`, `failed` or `missing`, and where."""
    for stage in STAGES:
        task = own[stage.name]
        entry = present.get(task.id)
        if stage.name == "synthesize" and stage.name not in own["measure"].needs:
            continue  # a finding beside the others, in its own columns; nothing waits for it
        if entry is None and (lack := resolver.lacks(task)):
            return f"skipped: {lack}"
        if entry is None:
            inputs = {name: present[need] for name, need in task.needs.items() if need in present}
            key = resolver.key(task, inputs) if len(inputs) == len(task.needs) else ""
            failed = bool(key) and resolver.store.failure(stage.name, key) is not None
            return f"{'failed' if failed else 'missing'}: {stage.name}"
        if entry.manifest.status != "done":
            return f"{entry.manifest.status}: {stage.name}"
    return "done"
