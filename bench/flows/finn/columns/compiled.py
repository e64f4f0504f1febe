"""Columns of the compilation: estimates, kinds of layers, the folding."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bench.results import tolerance
from bench.results.registry import PART, WHOLE, Column, Facts, Omit, Place, register
from bench.words import Origin


def _kinds(counts: Mapping[str, int]) -> str:
    """Such as `4 MVAU_rtl`."""
    return " + ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))


def _uncharged(facts: Facts) -> Mapping[str, int] | None:
    """The layers that the estimate of LUTs leaves out; None where nothing is known of it."""
    uncharged = facts.of("compile").get("uncharged")
    return None if uncharged is None else uncharged["lut"]


def _lut_scope(facts: Facts) -> str | None:
    left_out = _uncharged(facts)
    return None if left_out is None else PART if left_out else WHOLE


def _matrix_layers(facts: Facts) -> str | None:
    kinds = facts.of("compile").get("matrix_layers")
    return None if kinds is None else _kinds(kinds)


def _stand_ins(facts: Facts) -> str | None:
    return _kinds(facts.of("compile").get("layers_without_rtl", {})) or None


def _cores(facts: Facts) -> str | None:
    """Such as `3 dsp + 1 lut`; None of designs that were compiled before there was a choice."""
    return _kinds(facts.of("compile").get("cores", {})) or None


def _pe_simd(facts: Facts) -> str | None:
    """Such as `2x8 1x1 1x1 5x1`; None where FINN's search has not run yet."""
    folding = facts.of("compile").get("folding") or facts.asked("folding")
    return None if folding is None else " ".join(f"{pe}x{simd}" for pe, simd in folding)


def _slowest_layer(facts: Facts) -> str | None:
    layers = facts.of("compile").get("simulated", {}).get("layers")
    if not layers:
        return None
    slowest = max(layers, key=lambda layer: int(layer["cycles_estimated"]))
    name, cycles = slowest["name"], int(slowest["cycles_estimated"])
    if slowest["mw"] is None:
        return f"{name}: {cycles} cycles by FINN's model of this kind of layer"
    mw, mh, pe, simd = (int(slowest[key]) for key in ("mw", "mh", "pe", "simd"))
    pixels = cycles // (mw // simd * (mh // pe))
    times = f" x {pixels} pixels" if pixels > 1 else ""
    return f"{name}: ({mw} / {simd}) x ({mh} / {pe}){times} = {cycles} cycles"


estimated = partial(
    Column,
    stage="compile",
    origin=Origin.ESTIMATED,
    formula="FINN's analytic model",
    tolerance=tolerance.MODEL,
)

register(
    estimated(
        name="ii_estimated", unit="cycles",
        formula="FINN's analytic model: the most cycles of a layer; one with weights takes "
        "(MW / SIMD) x (MH / PE) for each pixel",
        arithmetic=_slowest_layer, heading="II est.", label="interval",
        shown=(Place.THROUGHPUT, Place.PAGE),
    ),
    estimated(
        name="lut", unit="LUT",
        formula="FINN's analytic model; a part where lut_scope says so: it charges the layers in "
        "lut_uncharged none",
        tolerance=tolerance.WIDTHS, heading="LUT",
        shown=(Place.RESOURCES, Place.PAGE), refined_by="lut_mapped", scope="lut_scope",
        alike_in="matrix_layers",
    ),
    estimated(
        name="lut_scope", metric="uncharged",
        formula=f"`{PART}` where layers that need LUTs are charged none, else `{WHOLE}`",
        value=_lut_scope,
    ),
    estimated(
        name="lut_uncharged", metric="uncharged", formula="kinds of layers charged no LUTs",
        value=lambda facts: _kinds(_uncharged(facts) or {}) or None,
    ),
    estimated(
        name="bram18", unit="BRAM18", tolerance=tolerance.WIDTHS, heading="BRAM18",
        shown=(Place.RESOURCES, Place.PAGE), refined_by="bram18_mapped", alike_in="matrix_layers",
    ),
    estimated(
        name="dsp", unit="DSP", formula="FINN's analytic model, the same at any bit width",
        heading="DSP", shown=(Place.RESOURCES, Place.PAGE), refined_by="dsp_mapped",
        alike_in="matrix_layers",
    ),
    estimated(
        name="dsp_instantiated", unit="DSP", formula="DSP slices in the Verilog of the layers",
        refined_by="dsp_mapped", alike_in="matrix_layers",
    ),
    estimated(
        name="matrix_layers", formula="kinds of layers that hold weights", value=_matrix_layers,
    ),
    estimated(
        name="stand_ins", metric="layers_without_rtl", origin=Origin.RTL_SIM,
        formula="kinds of layers that FINN has in HLS only: modules of bench's are simulated in "
        "their place", value=_stand_ins, label="stand-ins", shown=(Place.PAGE,), omit=Omit.ABSENT,
        says_what_is_wrong=True,
    ),
    estimated(
        name="cores", origin=Origin.RTL_SIM,
        formula="what the matrices multiply with in the simulation: `dsp`, FINN's core of DSP "
        "slices, or `lut`, bench's own core of LUTs", value=_cores, tolerance=tolerance.SETTING,
        says_what_is_wrong=True,
    ),
    estimated(name="estimated_variant", formula="kinds of layers that FINN would build"),
    estimated(
        name="pe_simd", metric="folding", origin=Origin.GIVEN, formula="PE x SIMD per layer",
        value=_pe_simd,
    ),
)  # fmt: skip
