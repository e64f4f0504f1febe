"""Columns with the error bars of mapped resources, by the calibration."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from bench.flows.finn.calibration import RESOURCES, Bar, Pair, bar_of, own_pairs, published_pairs
from bench.flows.finn.calibration.spread import Spread, spreads
from bench.results import tolerance
from bench.results.registry import Column, Facts
from bench.words import Origin

UNITS = {"lut": "LUT", "ff": "FF", "bram18": "BRAM18", "dsp": "DSP"}
_RULE = "what Vivado would count at least, and at most, by docs/explanation/calibration.md"


def names(resource: str) -> tuple[str, str]:
    """The columns with the bounds of a mapped resource."""
    return f"{resource}_mapped_low", f"{resource}_mapped_high"


def columns() -> list[Column]:
    """Bounds of every mapped resource, and how many LUTs are of kinds that were never compared."""
    bounds = [
        _column(name, UNITS[resource], partial(_bound, resource, end), _RULE)
        for resource in RESOURCES
        for name, end in zip(names(resource), ("low", "high"), strict=True)
    ]
    rule = "those of lut_mapped in kinds of layers of which no figure of Vivado's is known"
    return [*bounds, _column("lut_unknown_error", "LUT", _unknown, rule)]


def _column(name: str, unit: str, value: Any, formula: str) -> Column:
    return Column(
        name=name, stage="map", metric="layers", origin=Origin.MAPPED, unit=unit, formula=formula,
        value=value, tolerance=tolerance.WIDTHS,
    )  # fmt: skip


def _bound(resource: str, end: str, facts: Facts) -> int | None:
    bar = _bar(resource, facts)
    return None if bar is None else int(getattr(bar, end))


def _unknown(facts: Facts) -> int | None:
    bar = _bar("lut", facts)
    return None if bar is None else bar.unknown


def _bar(resource: str, facts: Facts) -> Bar | None:
    layers = facts.of("compile").get("simulated", {}).get("layers", ())
    cores = {layer["name"]: layer.get("core") for layer in layers}
    return bar_of(facts.of("map"), resource, _spreads(own_pairs(facts.built)), cores)


@cache
def _spreads(own: tuple[Pair, ...]) -> dict[tuple[str, str], Spread]:
    return spreads([*published_pairs(), *own])
