"""Where each column of results.csv comes from: which stage's finding, or which formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.pipeline import Step

GRID = "experiment file"
ALL = "all stages"
EMULATED = "emulated-board"
WHOLE, PART = "all layers", "part"
"""Of `lut_scope`: whether FINN's estimate charges every layer that needs LUTs."""


@dataclass(frozen=True)
class Source:
    """Where a column comes from.

    Attributes:
        stage: The stage that found it, or `GRID` for what the user wrote, or `ALL`.
        metric: The key in that stage's metrics.json, or the place in the experiment file.
        formula: How it is computed from that; empty where it is taken as it is.
        origin: `trained`, `estimated`, `rtl-sim`, `measured`, `synthesized`, `given` or `store`.
    """

    stage: str
    metric: str
    formula: str
    origin: str


def _given(place: str, formula: str = "") -> Source:
    return Source(GRID, place, formula, "given")


def _estimated(metric: str, formula: str = "") -> Source:
    return Source("compile", metric, formula or "FINN's analytic model", "estimated")


def _built(metric: str, formula: str) -> Source:
    return Source("synthesize", metric, formula, "synthesized")


SOURCES: dict[str, Source] = {
    "experiment": _given("name", "network-dataset-bits-seed-folding"),
    "network": _given("train.network"),
    "dataset": _given("train.dataset"),
    "weight_bits": _given("train.bits or train.weight_bits"),
    "act_bits": _given("train.bits or train.act_bits"),
    "folding": _given("build.foldings, build.target_fps or build.folding_files"),
    "seed": _given("train.seeds"),
    "epochs": _given("train.epochs"),
    "board": _given("build.board"),
    "part": _given("build.board", "the board's FPGA, bench/flows/finn/boards.py"),
    "clock_mhz": _given("build.clock_mhz"),
    "target_fps": _given("build.target_fps"),
    "accuracy": Source(
        "train", "accuracy", "correct / all test images, at the best epoch", "trained"
    ),
    "best_epoch": Source("train", "best_epoch", "the epoch of the highest accuracy", "trained"),
    "parameters": Source("train", "parameters", "", "trained"),
    "sim_images": Source("simulate", "images", "", "rtl-sim"),
    "sim_accuracy": Source("simulate", "accuracy", "correct / sim_images", "rtl-sim"),
    "bit_exact": Source(
        "simulate", "bit_exact", "every output equals the trained model's", "rtl-sim"
    ),
    "agreeing_with_torch": Source(
        "simulate", "agreeing_with_torch", "images of the class that torch gives them", "rtl-sim"
    ),
    "torch_ties": Source(
        "simulate", "torch_ties", "images of another class, each explained by a tie", "rtl-sim"
    ),
    "ii_estimated": _estimated("ii_estimated", "max over layers of (MW / SIMD) x (MH / PE)"),
    "ii_simulated": Source(
        "simulate", "ii_simulated", "cycles between two images in steady state", "rtl-sim"
    ),
    "latency_cycles": Source(
        "simulate", "latency_cycles", "cycles from the first input to the first output", "rtl-sim"
    ),
    "fps_core": Source("simulate", "ii_simulated", "clock_mhz x 1e6 / ii_simulated", "rtl-sim"),
    "fps_measured": Source(
        "measure",
        "fps_measured",
        "images / seconds on a board, clock x 1e6 / ii_measured on the emulated one",
        "measured",
    ),
    "clock_measured_mhz": Source("measure", "clock_mhz", "as the board ran", "measured"),
    "measured_on": Source("measure", "measured_on", "", "measured"),
    "ii_measured": Source(
        "measure", "ii_measured", "cycles between two images, DMA included", "measured"
    ),
    "board_name": Source("measure", "board_name", "", "measured"),
    "lut": _estimated("lut"),
    "lut_scope": _estimated("uncharged", f"`{PART}` where layers that need LUTs are charged none"),
    "lut_uncharged": _estimated("uncharged", "kinds of layers charged no LUTs"),
    "matrix_layers": _estimated("matrix_layers", "kinds of layers that hold weights"),
    "bram18": _estimated("bram18"),
    "dsp": _estimated("dsp"),
    "dsp_instantiated": _estimated("dsp_instantiated", "DSP slices in the Verilog of the layers"),
    "fits": _estimated("fits", "each within what the part has; of both DSP counts, the larger"),
    "estimated_variant": _estimated("estimated_variant", "kinds of layers that FINN would build"),
    "pe_simd": Source("compile", "folding", "PE x SIMD per layer", "given"),
    "fifo_depth": Source("size", "total_depth", "sum over the FIFOs", "rtl-sim"),
    "fifo_bits": Source(
        "size", "total_bits", "sum over the FIFOs of depth x width in whole bytes", "rtl-sim"
    ),
    "unsized_deadlock": Source("size", "unsized_deadlock", "", "rtl-sim"),
    "ii_unsized": Source("size", "ii_unsized", "cycles before the FIFOs are sized", "rtl-sim"),
    "lut_synth": _built("lut_synth", "Vivado, after synthesis"),
    "bram18_synth": _built("bram18_synth", "Vivado, after synthesis"),
    "dsp_synth": _built("dsp_synth", "Vivado, after synthesis"),
    "wns_ns": _built("wns_ns", "Vivado, after routing"),
    "fmax_mhz": _built("fmax_mhz", "Vivado, after routing"),
    "power_w": _built("power_w", "Vivado's estimate, after routing"),
    "synthesis": _built("status", "how the stage ended"),
    "status": Source(ALL, "status", "`done`, or the first stage that is not", "store"),
    "reason": Source(ALL, "reason", "of that stage", "store"),
    "runner": Source(ALL, "environment.runner", "of the worker stages", "store"),
}


def arithmetic(column: str, steps: Sequence[Step]) -> str:
    """The numbers behind the value of `column`, or the metric itself; empty where it has none."""
    source = SOURCES[column]
    by_stage = {step.stage: step for step in steps}
    step = by_stage.get(source.stage)
    if step is None or source.metric not in step.metrics:
        return ""
    if column in _ARITHMETIC and "compile" in by_stage:
        clock_mhz = by_stage["compile"].spec["clock_mhz"]
        if numbers := _ARITHMETIC[column](step.metrics, clock_mhz):
            return numbers
    return f"{source.metric} = {step.metrics[source.metric]}"


def _core_rate(metrics: Mapping[str, Any], clock_mhz: float) -> str:
    return _rate(metrics["ii_simulated"], clock_mhz)


def _system_rate(metrics: Mapping[str, Any], clock_mhz: float) -> str:
    interval, measured_at = metrics.get("ii_measured"), metrics.get("clock_mhz")
    if metrics.get("measured_on") == EMULATED:
        return _rate(interval, clock_mhz)
    if not interval or not measured_at or measured_at == clock_mhz:
        return ""
    return (
        f"fps_measured = {metrics['fps_measured']}, at {measured_at:g} MHz; at the "
        f"{clock_mhz:g} MHz of the build it would be {_rate(interval, clock_mhz)}"
    )


def _rate(interval: float | None, clock_mhz: float) -> str:
    if not interval:
        return ""
    rate = clock_mhz * 1e6 / interval
    return f"{clock_mhz:g} x 1e6 / {interval:g} cycles = {rate:,.10g} images/s"


def _system_interval(metrics: Mapping[str, Any], clock_mhz: float) -> str:  # noqa: ARG001
    names = ("ii_measured", "input_bytes", "dma_bytes_per_cycle")
    interval, size, width = (metrics.get(name) for name in names)
    if not size or not width:
        return ""
    return (
        f"ii_measured = {interval:g} cycles; the input DMA alone takes {size} bytes / {width} "
        f"bytes a cycle = {size / width:g}"
    )


def _estimated_interval(metrics: Mapping[str, Any], clock_mhz: float) -> str:  # noqa: ARG001
    matrix = [layer for layer in metrics.get("layers", ()) if layer.get("simd")]
    if not matrix:
        return ""
    slowest = max(matrix, key=lambda layer: int(layer["cycles_estimated"]))
    return (
        f"{slowest['name']}: ({slowest['mw']} / {slowest['simd']}) x ({slowest['mh']} / "
        f"{slowest['pe']}) = {slowest['cycles_estimated']} cycles"
    )


_ARITHMETIC: dict[str, Callable[[Mapping[str, Any], float], str]] = {
    "fps_core": _core_rate,
    "fps_measured": _system_rate,
    "ii_measured": _system_interval,
    "ii_estimated": _estimated_interval,
}
