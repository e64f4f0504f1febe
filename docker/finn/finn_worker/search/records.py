"""What a search found, as plain values for metrics.json."""

from __future__ import annotations

from typing import Any

from finn_worker.search.exact import Exact, Found
from finn_worker.search.goals import Faster
from finn_worker.search.part import SHELL
from finn_worker.search.problem import RESOURCES, Cost, Problem


def design(problem: Problem, exact: Exact, found: Found) -> dict[str, Any]:
    """A design: its interval, its resources by the cost model, and those of each layer.

    `model` leaves out the shell, `shares` are with it, of the whole part; `between` is what joins
    the layers, FIFOs and width converters.
    """
    chosen = list(zip(problem.layers, found.design.options, strict=True))
    layers: list[dict[str, Any]] = [
        {
            "name": layer.name,
            "chosen": dict(layer.options[option].chosen),
            "cycles": layer.options[option].cycles,
            **by_name(layer.options[option].cost),
        }
        for layer, option in chosen
    ]
    sums = {name: sum(int(layer[name]) for layer in layers) for name in RESOURCES}
    model = by_name(found.design.cost)
    return {
        "interval": found.design.cycles,
        "model": model,
        "reserve": dict(SHELL),
        "shares": exact.shares(found.design.cost),
        "size": found.size[0],
        "between": {name: model[name] - sums[name] for name in RESOURCES},
        "layers": layers,
    }


def faster(problem: Problem, exact: Exact, found: Faster | None) -> dict[str, Any] | None:
    """Why nothing is faster: the next interval and what binds; or the layer that no folding helps.

    None where something may be: of a goal that does not ask for the fastest.
    """
    if found is None:
        return None
    if found.cycles is None:
        return {"interval": None, "binds": [slowest(problem, exact.intervals()[0])]}
    assert found.smallest is not None
    return {
        "interval": found.cycles,
        "binds": list(found.binds),
        "model": by_name(found.smallest.design.cost),
        "shares": exact.shares(found.smallest.design.cost),
    }


def by_name(cost: Cost) -> dict[str, int]:
    """A cost by resource."""
    return dict(zip(RESOURCES, cost, strict=True))


def total(found: Found, resource: str) -> int:
    """What a design takes of a resource, the shell included."""
    return by_name(found.design.cost)[resource] + SHELL.get(resource, 0)


def slowest(problem: Problem, cycles: int) -> str:
    """The layers that take so many cycles however they are folded; else what joins them."""
    least = {layer.name: min(o.cycles for o in layer.options) for layer in problem.layers}
    names = [name for name, fewest in least.items() if fewest >= cycles]
    return ", ".join(names) or "the width converters between layers"
