"""Whether a design fits its part, by the best source there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.results.registry import Facts
from bench.words import Origin, Status

# What is compared with the part, as Vivado's reports call it.
_BUILT = {"lut": "lut_synth", "bram18": "bram18_synth", "dsp": "dsp_synth"}


@dataclass(frozen=True)
class Fit:
    """Whether a design fits, and who says so."""

    fits: bool
    by: Origin


def fit(facts: Facts) -> Fit | None:
    """Vivado's word, else the mapping's with its reserve, else FINN's estimate's."""
    built = facts.stages.get("synthesize")
    if built is not None and built.status == Status.DONE:
        return Fit(fits=True, by=Origin.SYNTHESIZED)
    has = facts.of("compile").get("available", {})
    if (synthesized := _within(facts.of("synthesize"), has)) is not None:
        return Fit(synthesized, Origin.SYNTHESIZED)
    for stage, origin in (("map", Origin.MAPPED), ("compile", Origin.ESTIMATED)):
        found = facts.of(stage).get("fits")
        if found is not None:
            return Fit(bool(found), origin)
    return None


def _within(metrics: Mapping[str, int], has: Mapping[str, int]) -> bool | None:
    if not all(name in metrics for name in _BUILT.values()):
        return None
    return all(metrics[name] <= has[resource] for resource, name in _BUILT.items())


def binding(facts: Facts) -> str | None:
    """Such as `lut 64%`: the resource of which a mapped design, with the shell, takes most."""
    mapped = facts.of("map")
    if "binds" not in mapped:
        return None
    return f"{mapped['binds']} {mapped['binding_share']:.0%}"


def not_mapped(facts: Facts) -> str | None:
    """Why there are no mapped figures, or only some."""
    return "; ".join(facts.of("map").get("not_mapped", ())) or None
