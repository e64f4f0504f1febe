"""Columns with the error bars of mapped resources, by the calibration."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from bench.flows.finn import fitting
from bench.flows.finn.calibration import RESOURCES, Bar, Pair, bar_of, own_pairs, published_pairs
from bench.flows.finn.calibration.spread import Spread, spreads
from bench.flows.finn.resources import UNITS
from bench.results import tolerance
from bench.results.registry import Column, Facts
from bench.words import Origin

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


def may_exceed(facts: Facts) -> str | None:
    """Such as `lut 118%`: of what a design that fits as mapped may take more than there is."""
    found = fitting.fit(facts)
    if found != fitting.Fit(fits=True, by=Origin.MAPPED):
        return None
    mapped = facts.of("map")
    has, reserve = mapped["available"], mapped["reserve"]
    most = {name: _bound(name, "high", facts) for name in RESOURCES if has.get(name)}
    shares = {
        name: (count + reserve.get(name, 0)) / has[name]
        for name, count in most.items()
        if count is not None
    }
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share > 1) or None


def _bar(resource: str, facts: Facts) -> Bar | None:
    layers = facts.of("compile").get("simulated", {}).get("layers", ())
    cores = {layer["name"]: layer.get("core") for layer in layers}
    return bar_of(facts.of("map"), resource, _spreads(own_pairs(facts.built)), cores)


@cache
def _spreads(own: tuple[Pair, ...]) -> dict[tuple[str, str], Spread]:
    return spreads([*published_pairs(), *own])
