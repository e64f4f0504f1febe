"""Columns of the mapping by open synthesis."""

from __future__ import annotations

from functools import partial

from bench.flows.finn import error_bars, fitting
from bench.flows.finn.resources import REPORTED, UNITS
from bench.results import formats, tolerance
from bench.results.registry import Column, Facts, Omit, Place, Row, register
from bench.results.tolerance import not_compared
from bench.words import Origin
from contract.finn.parts import NO_BOARD, in_short


def _netlist(facts: Facts) -> str | None:
    """Such as `12 of 12`, with the names of those that differ."""
    found = facts.of("map").get("netlist")
    if not found:
        return None
    different, left = found["different"], found["not_compared"]
    said = f"{found['equal']} of {found['equal'] + len(different) + len(left)}"
    said += f"; {', '.join(different)} differ" if different else ""
    return said + (f"; {', '.join(left)} not compared" if left else "")


def _fits(facts: Facts) -> bool | None:
    found = fitting.fit(facts)
    return None if found is None else found.fits


def _fits_by(facts: Facts) -> str | None:
    found = fitting.fit(facts)
    return None if found is None else str(found.by)


def _would_fit(row: Row) -> str:
    return in_short(row["would_fit"].split(", "))


_mapped = partial(
    Column,
    stage="map",
    origin=Origin.MAPPED,
    formula="open synthesis with Yosys, layers and FIFOs, without the shell",
    tolerance=tolerance.WIDTHS,
)

register(
    *(
        _mapped(
            name=f"{name}_mapped", metric=name, unit=unit, heading=f"{unit} map.", label=unit,
            shown=(Place.RESOURCES, Place.PAGE),
            refined_by=f"{name}_synth" if name in REPORTED else None,
            bounds=error_bars.names(name),
            formula="open synthesis with Yosys, layers and FIFOs, without the shell; the error bar "
            "is what Vivado would count at least and at most (docs/explanation/calibration.md)",
        )
        for name, unit in UNITS.items()
    ),
    _mapped(
        name="lutram_mapped", metric="lutram", unit="LUT",
        formula="those of lut_mapped that are shift registers or memory",
    ),
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
        "ones with the shell's reserve, then the search's cost model with the same, where it "
        "found the design, then FINN's estimate (the larger of dsp and dsp_instantiated)",
        format=formats.YES_NO, shown=(Place.RESOURCES, Place.PAGE),
    ),
    _mapped(
        name="fits_by", metric="fits", value=_fits_by, formula="the source that fits is judged by",
        tolerance=not_compared("says by what, not whether"),
    ),
    _mapped(
        name="part_taken", metric="fits", unit="fraction", value=fitting.taken,
        formula="the share of the part that is taken of the resource used most, by the source and "
        "the numbers that fits is judged by",
    ),
    _mapped(
        name="would_fit", metric="fits", value=fitting.would_fit, tolerance=tolerance.PROSE,
        formula="where a design does not fit: the boards known here that it would fit by the same "
        f"figures, those of fewest LUTs first, or `{NO_BOARD}`",
        heading="would fit", text=_would_fit, shown=(Place.PAGE,), omit=Omit.ABSENT,
    ),
    _mapped(
        name="may_exceed", metric="fits", value=error_bars.may_exceed, tolerance=tolerance.PROSE,
        formula="where a design fits as mapped: the resources of which it would take more than "
        "there is at the upper end of their error bars, with the shell's reserve",
    ),
)  # fmt: skip
