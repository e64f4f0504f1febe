"""All designs of a small search problem, one after the other: what the exact search is held to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from finn_worker.search.problem import RESOURCES, Cost, Problem


def designs(problem: Problem) -> Iterator[tuple[int, Cost]]:
    """Cycles and cost of every design that can be."""
    ends = {}
    for place, layer in enumerate(problem.layers):
        for name in layer.inputs:
            ends.setdefault(name, [None, None])[1] = place
        for name in layer.outputs:
            ends.setdefault(name, [None, None])[0] = place
    for options in itertools.product(*(layer.options for layer in problem.layers)):
        joints = [
            problem.join(
                name,
                None if maker is None else options[maker].given,
                None if taker is None else options[taker].taken,
            )
            for name, (maker, taker) in ends.items()
        ]
        if any(joint is None for joint in joints):
            continue
        parts = [*options, *(joint for joint in joints if joint is not None)]
        cost = tuple(map(sum, zip(*(part.cost for part in parts), strict=True)))
        yield max(part.cycles for part in parts), cost


def size(cost: Cost, available: Mapping[str, int], reserve: Mapping[str, int]) -> float:
    """The largest share of a part that a design takes, with the shell."""
    taken = {n: count + reserve.get(n, 0) for n, count in zip(RESOURCES, cost, strict=True)}
    return max(taken[name] / available[name] for name in RESOURCES if taken[name])


def smallest(
    problem: Problem, available: Mapping[str, int], reserve: Mapping[str, int]
) -> dict[int, float]:
    """The size of the smallest design of each interval or less, by interval."""
    found: dict[int, float] = {}
    for cycles, cost in designs(problem):
        found[cycles] = min(size(cost, available, reserve), found.get(cycles, float("inf")))
    least, best = float("inf"), {}
    for cycles in sorted(found):
        least = min(least, found[cycles])
        best[cycles] = least
    return best
