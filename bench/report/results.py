"""One row per experiment, from what the store holds; nothing is computed twice or made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.grids.experiment import BitWidths, Point, bits_text
from bench.pipeline import PointState, Step, Survey
from bench.provenance import PART, SOURCES, WHOLE
from bench.status import DONE, MISSING, WRONG, is_wrong

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


def collect(experiments: Sequence[Point], survey: Survey) -> pd.DataFrame:
    """The results of `experiments`, one row each, columns `COLUMNS`; what is absent is NA.

    `survey` is of these points, or of more.
    """
    rows = [row(experiment, survey) for experiment in experiments]
    return pd.DataFrame(rows, columns=list(COLUMNS)).convert_dtypes()


def row(experiment: Point, survey: Survey) -> dict[str, Any]:
    """One row of the results; None for what is absent."""
    steps, state = survey.steps_of(experiment), survey.state_of(experiment)
    entries = {name: step for name, step in steps.items() if step.entry}
    note = _metrics(entries, "compile").get("folding_note") if state.status == DONE else None
    return (
        dict.fromkeys(COLUMNS)
        | _row(experiment, entries)
        | {"synthesis": _synthesis(steps["synthesize"])}
        | (dict.fromkeys(WITHHELD) if state.status == WRONG else {})
        | _became(state, note)
    )


def wrong_rows(results: pd.DataFrame) -> list[str]:
    """The experiments whose designs compute something else than the trained model."""
    return [str(name) for name in results["experiment"][results["status"].map(is_wrong)]]


def collect_trainings(points: Sequence[Point], survey: Survey) -> pd.DataFrame:
    """One row per training of `points`, references included, columns `TRAINING_COLUMNS`.

    `survey` is of these points, or of more.
    """
    trainings = {point.training_name: point.training for point in points}
    rows = [training_row(training, survey) for training in trainings.values()]
    return pd.DataFrame(rows, columns=list(TRAINING_COLUMNS)).convert_dtypes()


def training_row(training: Point, survey: Survey) -> dict[str, Any]:
    """One row of the trainings; None for what is absent."""
    metrics = _metrics(survey.steps_of(training), "train")
    return {
        "experiment": training.name,
        **_labels(training),
        "epochs": training.specs["train"]["epochs"],
        **{name: metrics.get(name) for name in TRAINING_COLUMNS[6:9]},
        **_became(survey.state_of(training)),
    }


def _became(state: PointState, note: str | None = None) -> dict[str, str | None]:
    """The columns that say what became of a point, and what differs from the grid."""
    status = f"{state.status}: {state.stage}" if state.stage else state.status
    return {"status": status, "reason": state.reason or note}


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


def _metrics(steps: Mapping[str, Step], stage: str) -> Mapping[str, Any]:
    return steps[stage].metrics if stage in steps else {}


def _row(experiment: Point, entries: Mapping[str, Step]) -> dict[str, Any]:
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


def _runner(steps: Mapping[str, Step]) -> str | None:
    """The runner of the worker stages; several, joined, if the store holds a mixture."""
    entries = [step.entry for step in steps.values() if step.entry]
    runners = {entry.manifest.environment["runner"] for entry in entries} - {"host"}
    return "+".join(sorted(runners)) or None


def _synthesis(step: Step) -> str:
    """How the bitstream's build ended, or why there was none."""
    if step.status == MISSING:
        return MISSING
    return f"{step.status}: {step.reason}" if step.reason else step.status
