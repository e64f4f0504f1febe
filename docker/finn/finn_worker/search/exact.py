"""The smallest design that takes at most so many cycles, proven: no other is smaller.

Whatever cannot be part of a smaller design than the best that is known is dropped, by bounds
(`bounds`). Partial designs that end in the same state are then compared resource by resource, and
only what no other undercuts in everything is kept (a Pareto front). Neither drops anything that a
smallest design needs, so the search is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from finn_worker.search.bounds import Bounds, Floats, Part, bounds, evenly, followed, most, without
from finn_worker.search.front import Front, forward
from finn_worker.search.problem import RESOURCES, Cost, Design
from finn_worker.search.transitions import Ints, Step, fastest

# Shares are quotients of whole numbers: closer than this, they are equal.
EQUAL = 1e-12
_PLENTY = 10**15
_NOTHING = 1e-9
# Partial designs that a first, inexact look keeps for each state: round by round.
_LOOKS = (20, 200)

Size = tuple[float, float]
"""Of a design: its largest share of a resource, and the sum of its shares."""
NEVER: Size = (float("inf"), float("inf"))


@dataclass(frozen=True)
class Found:
    """A design and its size, the shell's reserve included."""

    design: Design
    size: Size


class Exact:
    """Searches one network for one part.

    Args:
        steps: What is chosen from; see `steps_of`.
        available: What the part has of each of `RESOURCES`.
        reserve: What the shell takes of it.
    """

    def __init__(
        self, steps: Sequence[Step], available: Mapping[str, int], reserve: Mapping[str, int]
    ) -> None:
        self._steps = steps
        self._fastest = fastest(steps)
        self._available = {name: available.get(name, 0) for name in RESOURCES}
        self._reserve = {name: reserve.get(name, 0) for name in RESOURCES}
        has = np.array([self._available[name] for name in RESOURCES])
        base = np.array([self._reserve[name] for name in RESOURCES])
        self._part = Part(1 / np.maximum(has, _NOTHING), base / np.maximum(has, _NOTHING))
        self._used = np.flatnonzero(np.vstack([step.cost for step in steps]).any(axis=0))
        self._known: dict[int, tuple[list[Step], Bounds]] = {}

    def intervals(self) -> list[int]:
        """All cycles that a design can take, and more, ascending: no others matter."""
        cycles = np.unique(np.concatenate([step.cycles for step in self._steps]))
        return [int(value) for value in cycles[cycles >= self._fastest]]

    def bound(self, cycles: int) -> float:
        """No design of so many cycles has a smaller largest share; infinite where there is none."""
        if cycles < self._fastest:
            return NEVER[0]
        _, known = self._within(cycles)
        return max(float(known.totals.max()), float(self._part.base.max()))

    def fits(self, cycles: int, limit: float) -> bool:
        """Whether a design of at most so many cycles has no share above `limit`."""
        may = self._may_fit(cycles, limit)
        return may and self._search(cycles, limit, first=True) is not None

    def least(self, cycles: int, limit: float = NEVER[0]) -> Found | None:
        """The smallest design of at most so many cycles.

        Args:
            cycles: Per image.
            limit: The largest share that it may have; None is returned where each has a larger.
        """
        return self._search(cycles, limit, first=False) if self._may_fit(cycles, limit) else None

    def without(self, resource: str) -> Exact:
        """The same search where there is more than enough of `resource`."""
        available = {**self._available, resource: _PLENTY}
        return Exact(self._steps, available, self._reserve)

    def shares(self, cost: Cost) -> dict[str, float]:
        """Of the part, those of a design with the shell around it."""
        taken = {n: count + self._reserve[n] for n, count in zip(RESOURCES, cost, strict=True)}
        return {name: share(count, self._available[name]) for name, count in taken.items()}

    def size(self, cost: Cost) -> Size:
        """Of a design with the shell around it."""
        shares = self.shares(cost).values()
        return max(shares), sum(shares)

    def _may_fit(self, cycles: int, limit: float) -> bool:
        return cycles >= self._fastest and self.bound(cycles) <= limit + EQUAL

    def _within(self, cycles: int) -> tuple[list[Step], Bounds]:
        if cycles not in self._known:
            steps = [step.within(cycles) for step in self._steps]
            self._known[cycles] = steps, bounds(steps, self._part, self._used).best()
        return self._known[cycles]

    def _search(self, cycles: int, limit: float, *, first: bool) -> Found | None:
        """The smallest design, or the `first` that is found within the limit."""
        steps, known = self._within(cycles)
        best, binding = self._relaxed(steps, known), self._used
        for most_kept in (*_LOOKS, 0):
            if first and best.size[0] <= limit + EQUAL:
                return best
            below = min(best.size[0], limit)
            steps = without(steps, known, self._part, below - EQUAL)
            if not all(len(step.before) for step in steps):
                break
            binding = binding[(most(steps, self._part) > known.totals.max())[binding]]
            known = bounds(steps, self._part, binding).best()
            found = self._forward(steps, known, binding, below, most_kept)
            best = min((best, *found), key=lambda each: each.size)
        return self._thrifty(cycles, best) if best.size[0] <= limit + EQUAL else None

    def _thrifty(self, cycles: int, smallest: Found) -> Found:
        """Of designs as small as `smallest`, one that takes little of everything.

        Which of them takes the least is not proven.
        """
        steps, known = self._within(cycles)
        steps = without(steps, known, self._part, smallest.size[0] + EQUAL)
        known = bounds(steps, self._part, self._used).best()
        below = smallest.size[0] + 2 * EQUAL
        may = _MayWin(known, self._part, below, evenly(steps, self._part, self._used))
        found = self._ends(steps, may, self._used, _LOOKS[0])
        return min((smallest, *found), key=lambda each: each.size)

    def _relaxed(self, steps: Sequence[Step], known: Bounds) -> Found:
        """The best of the designs from which the bounds come."""
        sets = range(len(known.weights))
        found = [self._found(steps, followed(steps, known, self._part, which)) for which in sets]
        return min(found, key=lambda each: each.size)

    def _forward(
        self, steps: Sequence[Step], known: Bounds, binding: Ints, below: float, most_kept: int
    ) -> list[Found]:
        """Designs that are smaller than `below`, the smallest among them if `most_kept` is 0."""
        return self._ends(steps, _MayWin(known, self._part, below), binding, most_kept)

    def _ends(
        self, steps: Sequence[Step], may_win: _MayWin, compared: Ints, most_kept: int
    ) -> list[Found]:
        prices = np.zeros(len(RESOURCES))
        prices[compared] = self._part.per_share[compared]
        fronts = forward(steps, prices, may_win, most_kept)
        ends = range(len(fronts[-1].cost))
        return [self._found(steps, Front.path(fronts, row)) for row in ends]

    def _found(self, steps: Sequence[Step], places: Ints) -> Found:
        pairs = list(zip(steps, places, strict=True))
        total = sum(step.cost[place] for step, place in pairs)
        cost = tuple(int(count) for count in total)
        options = tuple(int(step.option[place]) for step, place in pairs)
        design = Design(options, max(int(step.cycles[place]) for step, place in pairs), cost)
        return Found(design, self.size(design.cost))


@dataclass(frozen=True)
class _MayWin:
    """Bounds what partial designs may become; those that become no smaller than `below` lose.

    Attributes:
        ordered_by: What orders those that may win, where it is not their size.
    """

    known: Bounds
    part: Part
    below: float
    ordered_by: Bounds | None = None

    def __call__(self, cost: Ints, step: int, state: int) -> Floats:
        """[designs], the least that each may come to; infinite where it cannot win."""
        shares = cost * self.part.per_share + self.part.base
        ahead = shares @ self.known.weights.T + self.known.left[step + 1][state]
        largest = np.maximum(ahead.max(axis=1), shares.max(axis=1))
        order = self.ordered_by
        least = (
            largest if order is None else shares @ order.weights[0] + order.left[step + 1][state, 0]
        )
        return np.where(largest < self.below - EQUAL, least, np.inf)


def share(taken: int, available: int) -> float:
    """What is taken, of what there is."""
    if not taken:
        return 0.0
    return taken / available if available else NEVER[0]
