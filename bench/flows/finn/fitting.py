"""Whether a design fits its part, by the best source there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.flows.finn.resources import REPORTED
from bench.results.registry import Facts
from bench.words import Origin, Status
from contract.finn import parts


@dataclass(frozen=True)
class Fit:
    """Whether a design fits, and who says so."""

    fits: bool
    by: Origin


def fit(facts: Facts) -> Fit | None:
    """Vivado's word, else the mapping's with its reserve, else the estimate's.

    That is FINN's, or the search's cost model where it has found the design.
    """
    built = facts.stages.get("synthesize")
    if built is not None and built.status == Status.DONE:
        return Fit(fits=True, by=Origin.SYNTHESIZED)
    has = facts.of("compile").get("available", {})
    if (synthesized := _within(facts.of("synthesize"), has)) is not None:
        return Fit(synthesized, Origin.SYNTHESIZED)
    if (mapped := facts.of("map").get("fits")) is not None:
        return Fit(bool(mapped), Origin.MAPPED)
    compiled = facts.of("compile")
    if search := compiled.get("search"):
        return Fit(search["size"] <= 1, Origin.ESTIMATED)
    return Fit(bool(compiled["fits"]), Origin.ESTIMATED) if "fits" in compiled else None


def _within(metrics: Mapping[str, int], has: Mapping[str, int]) -> bool | None:
    if not _reported(metrics):
        return None
    return all(metrics[f"{name}_synth"] <= has[name] for name in REPORTED)


def _reported(metrics: Mapping[str, int]) -> bool:
    """Whether a synthesis has told of every resource."""
    return all(f"{name}_synth" in metrics for name in REPORTED)


def would_fit(facts: Facts) -> str | None:
    """The boards that a design which does not fit would fit, by the same figures.

    Such as `KV260_SOM, ZCU104`, or `none`; None of a design that fits, or where nothing is known.
    """
    found = fit(facts)
    if found is None or found.fits or not (needed := _needed(facts, found.by)):
        return None
    return ", ".join(parts.would_fit(needed)) or parts.NO_BOARD


def _needed(facts: Facts, by: Origin) -> dict[str, int]:
    """What it takes of each resource by a source, the shell included where that is known."""
    mapped, compiled = facts.of("map"), facts.of("compile")
    if by == Origin.SYNTHESIZED:
        return {name: int(facts.of("synthesize")[f"{name}_synth"]) for name in REPORTED}
    if by == Origin.MAPPED:
        return _with_shell(mapped, mapped["available"], mapped["reserve"])
    if search := compiled.get("search"):
        return _with_shell(search["model"], search["model"], search["reserve"])
    estimated = _with_shell(compiled, compiled.get("available", ()), {})
    instantiated = int(compiled.get("dsp_instantiated") or 0)
    return {**estimated, "dsp": max(estimated.get("dsp", 0), instantiated)}


def _with_shell(
    counts: Mapping[str, int], names: Iterable[str], reserve: Mapping[str, int]
) -> dict[str, int]:
    """Those of `counts` that are called so, with what the shell takes."""
    return {name: int(counts[name]) + reserve.get(name, 0) for name in names if name in counts}


def taken(facts: Facts) -> float | None:
    """The share of the part that is taken, of the resource used most, as `fit` counts it."""
    found = fit(facts)
    if found is None:
        return None
    if found.by == Origin.MAPPED:
        return _mapped_share(facts)
    compiled = facts.of("compile")
    if found.by == Origin.ESTIMATED and (search := compiled.get("search")):
        return float(search["size"])
    if found.by == Origin.SYNTHESIZED and not _reported(facts.of("synthesize")):
        return None  # a bitstream, of whose utilisation nothing is known
    has, needed = compiled.get("available", {}), _needed(facts, found.by)
    return max((needed[name] / has[name] for name in needed if has.get(name)), default=None)


def _mapped_share(facts: Facts) -> float | None:
    """As the mapping has it, the shell's reserve included; None where not all was mapped."""
    share = facts.of("map").get("binding_share")
    return None if share is None else float(share)


def binding(facts: Facts) -> str | None:
    """Such as `lut 64%`: the resource of which a mapped design, with the shell, takes most."""
    share = _mapped_share(facts)
    return None if share is None else f"{facts.of('map')['binds']} {share:.0%}"


def not_mapped(facts: Facts) -> str | None:
    """Why there are no mapped figures, or only some."""
    return "; ".join(facts.of("map").get("not_mapped", ())) or None
