"""Columns of designs that the exact search has found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from bench.console.text import percent
from bench.flows.finn.columns.compiled import estimated
from bench.flows.finn.resources import UNITS
from bench.results import tolerance
from bench.results.registry import Facts, Omit, Place, register


def _search(facts: Facts) -> Mapping[str, Any]:
    """What the exact search has to say of a design; empty of one that is given."""
    return facts.of("compile").get("search") or {}


def _searched_for(facts: Facts) -> str | None:
    """Such as `fastest within 85%`."""
    found = _search(facts)
    return f"{found['goal']} within {percent(found['share'])}" if found else None


def _faster_binds(facts: Facts) -> str | None:
    """Such as `lut (at 40 cycles)`."""
    faster = _search(facts).get("faster")
    if faster is None:
        return None
    binds = " + ".join(faster["binds"])
    return binds if faster["interval"] is None else f"{binds} (at {faster['interval']} cycles)"


def _of_model(resource: str) -> Callable[[Facts], int | None]:
    return lambda facts: _search(facts).get("model", {}).get(resource)


_searched = partial(estimated, metric="search", omit=Omit.ABSENT)

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
            name=f"{name}_model", unit=unit, heading=f"{unit} mod.", label=f"{unit} by model",
            formula="the search's cost model, which is fitted to mapped layers, without the shell",
            value=_of_model(name), refined_by=f"{name}_mapped", shown=(Place.PAGE,),
        )
        for name, unit in UNITS.items()
    ),
)  # fmt: skip
