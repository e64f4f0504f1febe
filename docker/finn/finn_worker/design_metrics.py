"""The figures of a folded design: its layers, their cycles and resources, in both variants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from contract.finn.cores import LUT
from finn_worker import cores, estimates


def metrics(
    built: ModelWrapper, simulated: ModelWrapper, part: str, has: Mapping[str, int]
) -> dict[str, Any]:
    """Estimates of both variants; the figures outside "simulated" are of the one to be built."""
    layers, simulated_layers = (estimates.layers(model, part) for model in (built, simulated))
    needed = estimates.totals(layers)
    return needed | {
        "ii_estimated": estimates.initiation_interval(simulated_layers),
        "layers": layers,
        "uncharged": estimates.uncharged(layers),
        "matrix_layers": estimates.kinds(layer for layer in layers if layer["mw"] is not None),
        "estimated_variant": f"what FINN+ would build for {part}: {_kinds(layers)}",
        "simulated_variant": _simulated_variant(simulated_layers),
        "layers_without_rtl": _without_rtl(simulated_layers),
        "cores": cores.counts(simulated),
        "simulated": estimates.totals(simulated_layers) | {"layers": simulated_layers},
        "available": dict(has),
        "fits": estimates.fits(needed, has),
    }


def _without_rtl(layers: list[estimates.Layer]) -> dict[str, int]:
    """The kinds of layers that Verilog of ours stands for, with their number."""
    return estimates.kinds(layer for layer in layers if not layer["op_type"].endswith("_rtl"))


def _simulated_variant(layers: list[estimates.Layer]) -> str:
    others = [layer for layer in layers if not layer["op_type"].endswith("_rtl")]
    of_luts = sum(layer["core"] == LUT for layer in layers)
    said = f"RTL throughout: {_kinds(layers)}"
    if others:
        own = _kinds([layer for layer in layers if layer not in others])
        said = f"RTL: {own}; by modules that stand for layers in HLS: {_kinds(others)}"
    if of_luts:
        said += f"; {of_luts} MVAU_rtl with bench's core of LUTs in place of FINN's of DSP slices"
    return said


def _kinds(layers: list[estimates.Layer]) -> str:
    """Such as "4 MVAU_hls, 3 Thresholding_rtl"."""
    return ", ".join(f"{count} {kind}" for kind, count in estimates.kinds(layers).items())
