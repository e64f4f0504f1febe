"""Columns of the FINN+ flow: what it compiles, sizes, simulates and synthesizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bench.flows.finn import error_bars, fitting
from bench.results import formats, tolerance
from bench.results.general import rate
from bench.results.registry import PART, WHOLE, Column, Facts, Omit, Place, Row, register
from bench.results.tolerance import Rule, Tolerance, exact, not_compared, sampling
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


def _search(facts: Facts) -> Mapping[str, Any]:
    """What the exact search has to say of a design; empty of one that is given."""
    return facts.of("compile").get("search") or {}


def _searched_for(facts: Facts) -> str | None:
    """Such as `fastest within 85%`."""
    found = _search(facts)
    return f"{found['goal']} within {found['share']:.0%}" if found else None


def _faster_binds(facts: Facts) -> str | None:
    """Such as `lut (at 40 cycles)`."""
    faster = _search(facts).get("faster")
    if faster is None:
        return None
    binds = " + ".join(faster["binds"])
    return binds if faster["interval"] is None else f"{binds} (at {faster['interval']} cycles)"


def _of_model(resource: str) -> Callable[[Facts], int | None]:
    return lambda facts: _search(facts).get("model", {}).get(resource)


_estimated = partial(
    Column,
    stage="compile",
    origin=Origin.ESTIMATED,
    formula="FINN's analytic model",
    tolerance=tolerance.MODEL,
)

register(
    _estimated(
        name="ii_estimated", unit="cycles",
        formula="FINN's analytic model: the most cycles of a layer; one with weights takes "
        "(MW / SIMD) x (MH / PE) for each pixel",
        arithmetic=_slowest_layer, heading="II est.", label="interval",
        shown=(Place.THROUGHPUT, Place.PAGE),
    ),
    _estimated(
        name="lut", unit="LUT",
        formula="FINN's analytic model; a part where lut_scope says so: it charges the layers in "
        "lut_uncharged none",
        tolerance=tolerance.WIDTHS, heading="LUT",
        shown=(Place.RESOURCES, Place.PAGE), refined_by="lut_mapped", scope="lut_scope",
        alike_in="matrix_layers",
    ),
    _estimated(
        name="lut_scope", metric="uncharged",
        formula=f"`{PART}` where layers that need LUTs are charged none, else `{WHOLE}`",
        value=_lut_scope,
    ),
    _estimated(
        name="lut_uncharged", metric="uncharged", formula="kinds of layers charged no LUTs",
        value=lambda facts: _kinds(_uncharged(facts) or {}) or None,
    ),
    _estimated(
        name="bram18", unit="BRAM18", tolerance=tolerance.WIDTHS, heading="BRAM18",
        shown=(Place.RESOURCES, Place.PAGE), refined_by="bram18_mapped", alike_in="matrix_layers",
    ),
    _estimated(
        name="dsp", unit="DSP", formula="FINN's analytic model, the same at any bit width",
        heading="DSP", shown=(Place.RESOURCES, Place.PAGE), refined_by="dsp_mapped",
        alike_in="matrix_layers",
    ),
    _estimated(
        name="dsp_instantiated", unit="DSP", formula="DSP slices in the Verilog of the layers",
        refined_by="dsp_mapped", alike_in="matrix_layers",
    ),
    _estimated(
        name="matrix_layers", formula="kinds of layers that hold weights", value=_matrix_layers,
    ),
    _estimated(
        name="stand_ins", metric="layers_without_rtl", origin=Origin.RTL_SIM,
        formula="kinds of layers that FINN has in HLS only: modules of bench's are simulated in "
        "their place", value=_stand_ins, label="stand-ins", shown=(Place.PAGE,), omit=Omit.ABSENT,
        says_what_is_wrong=True,
    ),
    _estimated(
        name="cores", origin=Origin.RTL_SIM,
        formula="what the matrices multiply with in the simulation: `dsp`, FINN's core of DSP "
        "slices, or `lut`, bench's own core of LUTs", value=_cores, tolerance=tolerance.SETTING,
        says_what_is_wrong=True,
    ),
    _estimated(name="estimated_variant", formula="kinds of layers that FINN would build"),
    _estimated(
        name="pe_simd", metric="folding", origin=Origin.GIVEN, formula="PE x SIMD per layer",
        value=_pe_simd,
    ),
)  # fmt: skip

_searched = partial(_estimated, metric="search", omit=Omit.ABSENT)

register(
    _searched(
        name="searched_for", formula="what the exact search was asked for, within which share",
        value=_searched_for, tolerance=tolerance.SETTING,
    ),
    _searched(
        name="faster_binds", value=_faster_binds, tolerance=tolerance.PROSE,
        formula="the resources of which more would make a faster design fit, at its interval; or "
        "the layer that no folding makes faster",
    ),
    *(
        _searched(
            name=f"{name}_model", unit=unit, heading=f"{unit} mod.", label=unit,
            formula="the search's cost model, which is fitted to mapped layers, without the shell",
            value=_of_model(name), refined_by=f"{name}_mapped", shown=(Place.PAGE,),
        )
        for name, unit in (("lut", "LUT"), ("ff", "FF"), ("bram18", "BRAM18"), ("dsp", "DSP"))
    ),
)  # fmt: skip

_sized = partial(Column, stage="size", origin=Origin.RTL_SIM, tolerance=tolerance.CYCLES)

register(
    _sized(name="fifo_depth", metric="total_depth", unit="words", formula="sum over the FIFOs"),
    _sized(
        name="fifo_bits", metric="total_bits", unit="bits",
        formula="sum over the FIFOs of depth x width in whole bytes", tolerance=tolerance.WIDTHS,
    ),
    _sized(
        name="ii_unsized", unit="cycles",
        formula="cycles between two images before the FIFOs are sized", format=formats.CYCLES,
    ),
    _sized(name="unsized_deadlock", formula="where the design stops before the FIFOs are sized"),
)  # fmt: skip


def _netlist(facts: Facts) -> str | None:
    """Such as `12 of 12`, with the names of those that differ."""
    found = facts.of("map").get("netlist")
    if not found:
        return None
    different, left = found["different"], found["not_compared"]
    said = f"{found['equal']} of {found['equal'] + len(different) + len(left)}"
    said += f"; {', '.join(different)} differ" if different else ""
    return said + (f"; {', '.join(left)} not compared" if left else "")


_mapped = partial(
    Column,
    stage="map",
    origin=Origin.MAPPED,
    formula="open synthesis with Yosys, layers and FIFOs, without the shell",
    tolerance=tolerance.WIDTHS,
)


def _fits(facts: Facts) -> bool | None:
    found = fitting.fit(facts)
    return None if found is None else found.fits


def _fits_by(facts: Facts) -> str | None:
    found = fitting.fit(facts)
    return None if found is None else str(found.by)


register(
    *(
        _mapped(
            name=f"{name}_mapped", metric=name, unit=unit, heading=f"{unit} map.", label=unit,
            shown=(Place.RESOURCES, Place.PAGE), refined_by=f"{name}_synth",
            bounds=error_bars.names(name),
        )
        for name, unit in (("lut", "LUT"), ("bram18", "BRAM18"), ("dsp", "DSP"))
    ),
    _mapped(
        name="lutram_mapped", metric="lutram", unit="LUT",
        formula="those of lut_mapped that are shift registers or memory",
    ),
    _mapped(name="ff_mapped", metric="ff", unit="FF", bounds=error_bars.names("ff")),
    *error_bars.columns(),
    _mapped(
        name="logic_ns_mapped", metric="logic_ns", unit="ns", format=formats.PLAIN,
        formula="a lower bound of the longest path: delays of cells alone, no wires; no frequency",
    ),
    _mapped(
        name="mapped_binds", metric="binds", value=fitting.binding, tolerance=tolerance.PROSE,
        formula="the resource of which layers, FIFOs and the shell's reserve take most of the part",
    ),
    _mapped(
        name="netlist", value=_netlist, tolerance=tolerance.PROSE, says_what_is_wrong=True,
        formula="layers and FIFOs whose mapped netlist, simulated beside the RTL, is equal to it "
        "in every cycle, of all; none where it was not asked for",
        label="equal netlists", shown=(Place.PAGE,), omit=Omit.ABSENT,
    ),
    _mapped(
        name="not_mapped", value=fitting.not_mapped, tolerance=tolerance.PROSE,
        formula="what Yosys could not map within its time and memory; there are no totals then",
        says_what_is_wrong=True,
    ),
    _mapped(
        name="fits", value=_fits, tolerance=tolerance.MODEL,
        formula="each resource within the part's, by the best source: Vivado's, then the mapped "
        "ones with the shell's reserve, then FINN's estimate (the larger of dsp and "
        "dsp_instantiated)",
        format=formats.YES_NO, shown=(Place.RESOURCES, Place.PAGE),
    ),
    _mapped(
        name="fits_by", metric="fits", value=_fits_by, formula="the source that fits is judged by",
        tolerance=not_compared("says by what, not whether"),
    ),
)  # fmt: skip


def _agreeing(column: str, row: Row) -> str:
    agreeing, images = row[column], row["sim_images"]
    if agreeing is None or images is None:
        return ""
    return "all" if agreeing == images else formats.WHOLE(agreeing)


def _agreement(facts: Facts) -> str:
    simulated = facts.of("simulate")
    return f"{simulated['agreeing_with_torch']:,} of {simulated['images']:,} images"


def _with_reference(metric: str, *, model: bool) -> Callable[[Facts], Any]:
    """A metric on the reference, where that is torch's trained network, or the given model."""
    return lambda facts: facts.of("simulate").get(metric) if facts.of_model is model else None


_simulated = partial(Column, stage="simulate", origin=Origin.RTL_SIM, tolerance=tolerance.CYCLES)
_TIES = not_compared("chance has a part in ties; where they explain too little, the row is wrong")

register(
    _simulated(
        name="sim_images", metric="images", unit="images",
        formula="test images that ran through the RTL", tolerance=tolerance.SETTING,
        says_what_is_wrong=True,
    ),
    _simulated(
        name="sim_accuracy", metric="accuracy", unit="fraction", formula="correct / sim_images",
        tolerance=sampling("sim_images", "the images simulated"), heading="sim. accuracy",
        label="accuracy", format=formats.PERCENT, shown=(Place.RESOURCES, Place.PAGE, Place.SEEDS),
        omit=Omit.ABSENT_OF_MODELS,
    ),
    _simulated(
        name="bit_exact", formula="every output equals the trained model's",
        tolerance=exact("the RTL computes what the model does, or it does not"), heading="exact",
        label="bit-exact", format=formats.YES_NO, shown=(Place.THROUGHPUT, Place.PAGE),
        says_what_is_wrong=True,
    ),
    _simulated(
        name="agreeing_with_torch", unit="images",
        formula="images of the class that torch gives them, of sim_images", tolerance=_TIES,
        value=_with_reference("agreeing_with_torch", model=False), heading="torch",
        label="as torch", text=partial(_agreeing, "agreeing_with_torch"),
        shown=(Place.THROUGHPUT, Place.PAGE), says_what_is_wrong=True, omit=Omit.OF_MODELS,
    ),
    _simulated(
        name="torch_ties", unit="images",
        formula="images of another class, each explained by a tie", tolerance=_TIES,
        value=_with_reference("torch_ties", model=False), says_what_is_wrong=True,
    ),
    _simulated(
        name="agreeing_with_model", metric="agreeing_with_torch", unit="images",
        formula="images of which the design says what the given model itself does, of sim_images",
        tolerance=_TIES, value=_with_reference("agreeing_with_torch", model=True),
        arithmetic=_agreement,
        heading="as model", label="as the model", text=partial(_agreeing, "agreeing_with_model"),
        shown=(Place.THROUGHPUT, Place.PAGE), says_what_is_wrong=True, omit=Omit.OF_TRAININGS,
    ),
    _simulated(
        name="model_ties", metric="torch_ties", unit="images",
        formula="images of which the design says something else, each explained by a tie",
        tolerance=_TIES, value=_with_reference("torch_ties", model=True), says_what_is_wrong=True,
    ),
    _simulated(
        name="ii_simulated", unit="cycles", formula="cycles between two images in steady state",
        heading="II sim.", label="interval", format=formats.CYCLES,
        shown=(Place.THROUGHPUT, Place.PAGE, Place.SEEDS),
    ),
    _simulated(
        name="latency_cycles", unit="cycles", formula="from the first input to the first output",
        heading="latency", shown=(Place.RESOURCES, Place.PAGE, Place.SEEDS),
    ),
)  # fmt: skip


def _core_arithmetic(facts: Facts) -> str | None:
    return rate(facts.of("simulate")["ii_simulated"], facts.asked("clock_mhz"))


def _core_rate(facts: Facts) -> float | None:
    interval = facts.of("simulate").get("ii_simulated")
    return None if interval is None else float(facts.asked("clock_mhz")) * 1e6 / float(interval)


register(
    _simulated(
        name="fps_core", metric="ii_simulated", unit="images/s",
        formula="clock_mhz x 1e6 / ii_simulated", value=_core_rate,
        arithmetic=_core_arithmetic,
        heading="fps core", label="images/s", shown=(Place.THROUGHPUT, Place.PAGE, Place.SEEDS),
    ),
)  # fmt: skip


def _bitstream(facts: Facts) -> tuple[str | None, str | None]:
    state = facts.stages.get("synthesize")
    return (None, None) if state is None else (str(state.status), state.reason or None)


_synthesized = partial(
    Column,
    stage="synthesize",
    origin=Origin.SYNTHESIZED,
    formula="Vivado, after synthesis",
    tolerance=tolerance.SYNTHESIS,
    omit=Omit.ABSENT,
)
_ROUTED = "Vivado, after routing"

register(
    _synthesized(
        name="synthesis", metric="status", formula="how the stage ended",
        tolerance=not_compared("says whether there was a Vivado"),
        value=lambda facts: _bitstream(facts)[0], says_what_is_wrong=True,
    ),
    _synthesized(
        name="synthesis_reason", metric="reason", formula="why it is not done",
        tolerance=tolerance.PROSE, value=lambda facts: _bitstream(facts)[1],
        says_what_is_wrong=True,
    ),
    *(
        _synthesized(
            name=f"{name}_synth", unit=unit, heading=f"{unit} syn.", label=unit,
            shown=(Place.PAGE,),
        )
        for name, unit in (("lut", "LUT"), ("bram18", "BRAM18"), ("dsp", "DSP"))
    ),
    _synthesized(
        name="wns_ns", unit="ns", formula=_ROUTED,
        tolerance=Tolerance(rule=Rule.ABSOLUTE, why=tolerance.SYNTHESIS.why, amount=0.5),
        format=formats.PLAIN,
    ),
    _synthesized(
        name="fmax_mhz", unit="MHz", formula=_ROUTED, label="fmax (MHz)", shown=(Place.PAGE,),
    ),
    _synthesized(
        name="power_w", unit="W", formula="Vivado's estimate, after routing",
        tolerance=tolerance.ratio(0.15, "Vivado's own estimate, by version"), format=formats.PLAIN,
    ),
)  # fmt: skip


def layer_label(layer: Mapping[str, Any]) -> str:
    """Such as `MVAU 0`, of the layer `MVAU_rtl_0`."""
    kind = str(layer["op_type"]).removeprefix("Streaming").rsplit("_", 1)[0]
    return f"{kind} {str(layer['name']).rsplit('_', 1)[-1]}"


def folding_label(layer: Mapping[str, Any]) -> str | None:
    """Such as `1024 to 64, PE 2, SIMD 8`; None for a layer that is not folded."""
    terms = [
        f"{term} {layer[key]}" for key, term in (("pe", "PE"), ("simd", "SIMD")) if layer.get(key)
    ]
    if layer.get("mw") is not None:
        terms.insert(0, f"{layer['mw']} to {layer['mh']}")
    return ", ".join(terms) or None
