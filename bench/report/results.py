"""One row per experiment, from what the store holds; nothing is computed twice or made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.flows import all_stages
from bench.grids.experiment import BitWidths, Point, bits_text
from bench.pipeline import Resolver, Task, plan
from bench.provenance import PART, SOURCES, WHOLE
from bench.status import DONE, FAILED, MISSING, SKIPPED, is_wrong
from bench.store import Entry

COLUMNS = (
    "network", "dataset", "weight_bits", "act_bits", "folding", "seed", "epochs", "accuracy",
    "sim_images", "sim_accuracy", "bit_exact", "ii_estimated", "ii_simulated", "latency_cycles",
    "clock_mhz", "fps_core", "fps_measured", "measured_on", "lut", "bram18", "dsp", "fits",
    "status", "runner",
    "ii_unsized", "ii_measured", "best_epoch", "estimated_variant", "dsp_instantiated", "part",
    "board", "fifo_depth", "fifo_bits", "unsized_deadlock", "pe_simd", "target_fps", "reason",
    "synthesis", "lut_synth", "bram18_synth", "dsp_synth", "wns_ns", "fmax_mhz", "power_w",
    "board_name", "clock_measured_mhz", "agreeing_with_torch", "torch_ties", "lut_scope",
    "lut_uncharged", "matrix_layers", "experiment",
)  # fmt: skip

TRAINING_COLUMNS = (
    "network", "dataset", "weight_bits", "act_bits", "seed", "epochs",
    "accuracy", "best_epoch", "parameters", "status", "reason", "experiment",
)  # fmt: skip

# What running a design has shown; of a wrong one it means nothing. Such a row keeps what says that
# and where it is wrong, and what was known before it ran.
_OF_ITS_RUN = ("rtl-sim", "measured", "synthesized")
_SAYS_WHAT_IS_WRONG = (
    "sim_images", "bit_exact", "agreeing_with_torch", "torch_ties", "measured_on", "board_name",
    "synthesis",
)  # fmt: skip
WITHHELD = tuple(
    column
    for column in COLUMNS
    if SOURCES[column].origin in _OF_ITS_RUN and column not in _SAYS_WHAT_IS_WRONG
)

SYNTHESIS = ("lut_synth", "bram18_synth", "dsp_synth", "wns_ns", "fmax_mhz", "power_w")


def collect(
    experiments: Sequence[Point],
    resolver: Resolver,
    present: Mapping[str, Entry] | None = None,
) -> pd.DataFrame:
    """The results of `experiments`, one row each, columns `COLUMNS`; what is absent is NA.

    `present` is what `resolver.present` found for these or more points, if it is known already.
    """
    rows = [
        _row(experiment, entries)
        | {"synthesis": _synthesis(entries.get("synthesize"), resolver)}
        | (dict.fromkeys(WITHHELD) if is_wrong(found["status"]) else {})
        | found
        for experiment, entries, found in _look_up(experiments, resolver, present)
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS)).convert_dtypes()


def wrong_rows(results: pd.DataFrame) -> list[str]:
    """The experiments whose designs compute something else than the trained model."""
    return [str(name) for name in results["experiment"][results["status"].map(is_wrong)]]


def collect_trainings(
    points: Sequence[Point], resolver: Resolver, present: Mapping[str, Entry] | None = None
) -> pd.DataFrame:
    """One row per training of `points`, references included, columns `TRAINING_COLUMNS`.

    `present` is as for `collect`.
    """
    trainings = {point.training_name: point.training for point in points}
    rows = [
        {
            "experiment": training.name,
            **_labels(training),
            "epochs": training.specs["train"]["epochs"],
        }
        | {name: _metrics(entries, "train").get(name) for name in TRAINING_COLUMNS[6:9]}
        | found
        for training, entries, found in _look_up(tuple(trainings.values()), resolver, present)
    ]
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS)).convert_dtypes()


def _look_up(
    points: Sequence[Point], resolver: Resolver, present: Mapping[str, Entry] | None
) -> Iterator[tuple[Point, dict[str, Entry], dict[str, str | None]]]:
    """Each point with its artifacts by stage, and its status with the reason."""
    tasks = plan(points)
    present = resolver.present(tasks, strict=True) if present is None else present
    by_point: dict[str, dict[str, Task]] = {}
    for task in tasks:
        for name in task.serves:
            by_point.setdefault(name, {})[task.stage.name] = task
    for point in points:
        own = by_point[point.name]
        entries = {name: present[task.id] for name, task in own.items() if task.id in present}
        status, reason = _status(own, present, resolver)
        yield point, entries, {"status": status, "reason": reason}


def _labels(point: Point) -> dict[str, Any]:
    labels = point.labels
    return {
        "network": labels.network,
        "dataset": labels.dataset,
        "weight_bits": _bits(labels.weight_bits),
        "act_bits": _bits(labels.act_bits),
        "seed": labels.seed,
    }


def _bits(bits: BitWidths) -> int | str:
    return bits if isinstance(bits, int) and bits else bits_text(bits)


def _metrics(entries: Mapping[str, Entry], stage: str) -> dict[str, Any]:
    return entries[stage].metrics() if stage in entries else {}


def _row(experiment: Point, entries: Mapping[str, Entry]) -> dict[str, Any]:
    train = _metrics(entries, "train")
    build = _metrics(entries, "compile")
    fifos = _metrics(entries, "size")
    simulation = _metrics(entries, "simulate")
    synthesis = _metrics(entries, "synthesize")
    measurement = _metrics(entries, "measure")
    given = experiment.specs["compile"]
    clock_mhz = given["clock_mhz"]
    interval = simulation.get("ii_simulated")
    return {
        "experiment": experiment.name,
        **_labels(experiment),
        "folding": experiment.labels.folding,
        "epochs": experiment.specs["train"]["epochs"],
        "accuracy": train.get("accuracy"),
        "best_epoch": train.get("best_epoch"),
        "sim_images": simulation.get("images"),
        "sim_accuracy": simulation.get("accuracy"),
        "agreeing_with_torch": simulation.get("agreeing_with_torch"),
        "torch_ties": simulation.get("torch_ties"),
        "bit_exact": simulation.get("bit_exact"),
        "ii_estimated": build.get("ii_estimated"),
        "ii_simulated": interval,
        "ii_unsized": fifos.get("ii_unsized"),
        "fifo_depth": fifos.get("total_depth"),
        "fifo_bits": fifos.get("total_bits"),
        "unsized_deadlock": fifos.get("unsized_deadlock"),
        "pe_simd": _pe_simd(build.get("folding") or given["folding"]),
        "target_fps": given["target_fps"],
        "board": given["board"],
        "latency_cycles": simulation.get("latency_cycles"),
        "clock_mhz": clock_mhz,
        "fps_core": None if interval is None else clock_mhz * 1e6 / interval,
        "fps_measured": measurement.get("fps_measured"),
        "ii_measured": measurement.get("ii_measured"),
        "measured_on": measurement.get("measured_on"),
        "clock_measured_mhz": measurement.get("clock_mhz"),
        "lut": build.get("lut"),
        **_charged(build),
        "bram18": build.get("bram18"),
        "dsp": build.get("dsp"),
        "fits": build.get("fits"),
        "estimated_variant": build.get("estimated_variant"),
        "dsp_instantiated": build.get("dsp_instantiated"),
        "part": given["part"],
        **{name: synthesis.get(name) for name in SYNTHESIS},
        "board_name": measurement.get("board_name"),
        "runner": _runner(entries),
    }


def _charged(build: Mapping[str, Any]) -> dict[str, str | None]:
    """Which layers the estimate of LUTs leaves out, and which hold weights."""
    if "uncharged" not in build:
        return {}
    left_out = build["uncharged"]["lut"]
    return {
        "lut_scope": PART if left_out else WHOLE,
        "lut_uncharged": _kinds(left_out) or None,
        "matrix_layers": _kinds(build["matrix_layers"]),
    }


def _kinds(counts: Mapping[str, int]) -> str:
    """Such as `4 MVAU_rtl`."""
    return " + ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _pe_simd(folding: Sequence[Sequence[int]] | None) -> str | None:
    """Such as `2x8 1x1 1x1 5x1`; None where FINN's search has not run yet."""
    return None if folding is None else " ".join(f"{pe}x{simd}" for pe, simd in folding)


def _runner(entries: Mapping[str, Entry]) -> str | None:
    """The runner of the worker stages; several, joined, if the store holds a mixture."""
    runners = {entry.manifest.environment["runner"] for entry in entries.values()} - {"host"}
    return "+".join(sorted(runners)) or None


def _synthesis(entry: Entry | None, resolver: Resolver) -> str:
    """How the bitstream's build ended, or why there was none."""
    environment = all_stages()["synthesize"].environment
    if lack := resolver.runners[environment].lacks(environment):
        return f"{SKIPPED}: {lack}"
    if entry is None:
        return MISSING
    reason = entry.manifest.reason
    return f"{entry.manifest.status}: {reason}" if reason else entry.manifest.status


def _status(
    own: Mapping[str, Task], present: Mapping[str, Entry], resolver: Resolver
) -> tuple[str, str | None]:
    """`done`, with what differs from the grid; or what stopped the point, where, and why."""
    for stage in all_stages().values():
        task = own.get(stage.name)
        if task is None:
            continue
        entry = present.get(task.id)
        if stage.name == "synthesize" and stage.name not in own["measure"].needs:
            continue  # a finding beside the others, in its own columns; nothing waits for it
        if entry is None and (lack := resolver.lacks(task)):
            return f"{SKIPPED}: {stage.name}", lack
        if entry is None:
            inputs = {name: present[need] for name, need in task.needs.items() if need in present}
            key = resolver.key(task, inputs) if len(inputs) == len(task.needs) else ""
            failure = resolver.store.failure(stage.name, key) if key else None
            if failure is None:
                return f"{MISSING}: {stage.name}", None
            _, manifest = failure
            return f"{FAILED}: {stage.name}", manifest.reason
        if entry.manifest.status != DONE:
            return f"{entry.manifest.status}: {stage.name}", entry.manifest.reason
    build = present[own["compile"].id].metrics() if "compile" in own else {}
    return DONE, build.get("folding_note")
