"""Partial designs, of which no other undercuts one in everything, layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from finn_worker.search.bounds import Floats
from finn_worker.search.transitions import Ints, Step

MayWin = Callable[[Ints, int, int], Floats]
"""What designs of a cost, after a step, in a state, may come to; infinite where they cannot win."""


@dataclass(frozen=True)
class Front:
    """Partial designs.

    Attributes:
        cost: [designs, resources].
        state: Where each has come to; ascending.
        parent: The design that it goes on from, by its place in the front before.
        place: The transition that it took.
    """

    cost: Ints
    state: Ints
    parent: Ints
    place: Ints

    @classmethod
    def start(cls, resources: int) -> Front:
        """Nothing is decided."""
        nothing = np.zeros(1, dtype=np.int64)
        return cls(np.zeros((1, resources), dtype=np.int64), nothing, nothing, nothing)

    @classmethod
    def joined(cls, fronts: Sequence[Front], resources: int) -> Front:
        """All of several, in the order of their states."""
        none = np.zeros(0, dtype=np.int64)
        empty = cls(np.zeros((0, resources), dtype=np.int64), none, none, none)
        arrays = zip(*((f.cost, f.state, f.parent, f.place) for f in (empty, *fronts)), strict=True)
        return cls(*(np.concatenate(each) for each in arrays))

    @staticmethod
    def path(fronts: Sequence[Front], row: int) -> Ints:
        """The transitions that led to a row of the last front."""
        places = []
        for front in reversed(fronts[1:]):
            places.append(int(front.place[row]))
            row = int(front.parent[row])
        return np.array(places[::-1], dtype=np.int64)

    def pairs(self, states: Ints) -> tuple[Ints, Ints]:
        """Every design with each of the `states` in which it is, as two lists of places."""
        firsts = np.searchsorted(self.state, states, side="left")
        counts = np.searchsorted(self.state, states, side="right") - firsts
        which = np.repeat(np.arange(len(states)), counts)
        within = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return firsts[which] + within, which


def forward(steps: Sequence[Step], prices: Floats, may_win: MayWin, most: int) -> list[Front]:
    """The front after each step, and before the first.

    Args:
        steps: The decisions.
        prices: [resources], of a unit of each; 0 for those that are not compared.
        may_win: Drops what needs not be kept.
        most: How many designs are kept in a state, those that may come to least; 0 for all.
    """
    compared = np.flatnonzero(prices)
    fronts = [Front.start(len(prices))]
    for number, step in enumerate(steps):
        made = []
        for state in np.unique(step.after):
            transitions = np.flatnonzero(step.after == state)
            parents, which = fronts[-1].pairs(step.before[transitions])
            places = transitions[which]
            cost = fronts[-1].cost[parents] + step.cost[places]
            least = may_win(cost, number, int(state))
            kept = np.flatnonzero(np.isfinite(least))
            kept = kept[undominated(cost[np.ix_(kept, compared)], prices[compared])]
            if most:
                kept = kept[np.argsort(least[kept], kind="stable")[:most]]
            state_of = np.full(len(kept), state)
            made.append(Front(cost[kept], state_of, parents[kept], places[kept]))
        fronts.append(Front.joined(made, len(prices)))
    return fronts


def undominated(cost: Ints, prices: Floats) -> Ints:
    """The rows, by place, that no other row undercuts in everything; one of equal rows.

    Args:
        cost: [rows, resources].
        prices: Above 0, so that the cheapest row is always one of them.
    """
    places = np.argsort(cost @ prices, kind="stable")
    found = []
    while len(places):
        first = places[0]
        found.append(first)
        places = places[(cost[places] < cost[first]).any(axis=1)]
    return np.array(found, dtype=np.int64)
