"""Lower bounds on the size of a design: what is left to decide costs at least so much.

The size of a design is the largest of its shares of the part's resources. For any weights that sum
to 1, the weighted mean of the shares is no larger, and as it is a sum over the layers, its least
value is found exactly, by dynamic programming, from every state to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from finn_worker.search.transitions import Ints, Step

Floats = npt.NDArray[np.float64]

# Of the first weights: multiples of a quarter.
_QUARTERS = 4
# How far the best weights so far are then moved towards each resource, round by round.
_NEARER = (0.5, 0.3, 0.2, 0.1, 0.1, 0.05, 0.05, 0.02, 0.02, 0.01, 0.01, 0.005)
# Of the weights that are tried, the number that is kept.
_KEPT = 8


@dataclass(frozen=True)
class Part:
    """An FPGA, as a search sees it.

    Attributes:
        per_share: [resources], shares in a unit.
        base: [resources], shares that are taken anyway.
    """

    per_share: Floats
    base: Floats


@dataclass(frozen=True)
class Bounds:
    """What is known of all ways to go on.

    Attributes:
        weights: [sets, resources], of shares; each set sums to 1.
        left: For each step and after the last, the least weighted share that is still to come,
            [states, sets]; infinite where there is no way to go on.
        base: [sets], the weighted share that is taken anyway.
    """

    weights: Floats
    left: list[Floats]
    base: Floats

    @property
    def totals(self) -> Floats:
        """[sets], bounds on the size of every design; infinite where there is none."""
        return np.asarray(self.left[0][0] + self.base)

    def best(self) -> Bounds:
        """With the sets of weights that bound best."""
        kept = np.argsort(-self.totals, kind="stable")[:_KEPT]
        left = [each[:, kept] for each in self.left]
        return Bounds(self.weights[kept], left, self.base[kept])


def bounds(steps: Sequence[Step], part: Part, binding: Ints) -> Bounds:
    """By weights that bound well.

    Args:
        steps: Of designs that are fast enough; there is at least one.
        part: What there is.
        binding: The resources, by place, that may be a design's largest share.
    """
    units = np.eye(len(part.per_share))[binding]
    found = _of(steps, _even(len(binding)) @ units, part)
    for nearer in _NEARER:
        best = found.weights[int(found.totals.argmax())]
        more = _of(steps, (1 - nearer) * best + nearer * units, part)
        left = [np.hstack(pair) for pair in zip(found.left, more.left, strict=True)]
        both = np.concatenate((found.base, more.base))
        found = Bounds(np.vstack((found.weights, more.weights)), left, both)
    return found


def evenly(steps: Sequence[Step], part: Part, resources: Ints) -> Bounds:
    """By one set of weights, all equal."""
    weights = np.zeros((1, len(part.per_share)))
    weights[0, resources] = 1 / len(resources)
    return _of(steps, weights, part)


def followed(steps: Sequence[Step], found: Bounds, part: Part, which: int) -> Ints:
    """The transitions, by place, of the design with the least weighted share."""
    state, places = 0, []
    prices = found.weights[which] * part.per_share
    for step, left in zip(steps, found.left[1:], strict=True):
        low, high = np.searchsorted(step.before, [state, state + 1])
        ahead = step.cost[low:high] @ prices + left[step.after[low:high], which]
        places.append(low + int(ahead.argmin()))
        state = int(step.after[places[-1]])
    return np.array(places, dtype=np.int64)


def without(steps: Sequence[Step], found: Bounds, part: Part, most: float) -> list[Step]:
    """Without the transitions through which every design is larger than `most`."""
    prices = found.weights * part.per_share
    reached = found.base[np.newaxis, :]
    kept = []
    for step, left in zip(steps, found.left[1:], strict=True):
        so_far = reached[step.before] + step.cost @ prices.T
        small = step.only((so_far + left[step.after]).max(axis=1) <= most)
        kept.append(small)
        reached = np.full((len(left), len(prices)), np.inf)
        np.minimum.at(reached, step.after, so_far)
    return kept


def most(steps: Sequence[Step], part: Part) -> Floats:
    """[resources], the largest share that any design takes of each."""
    largest = -_left(steps, -np.diag(part.per_share))[0][0]
    return np.asarray(largest + part.base)


def _of(steps: Sequence[Step], weights: Floats, part: Part) -> Bounds:
    return Bounds(weights, _left(steps, weights * part.per_share), weights @ part.base)


def _even(resources: int) -> Floats:
    """Weights spread evenly: all multiples of a quarter that sum to 1."""
    chosen = combinations_with_replacement(range(resources), _QUARTERS)
    return np.array([np.bincount(each, minlength=resources) for each in chosen]) / _QUARTERS


def _left(steps: Sequence[Step], prices: Floats) -> list[Floats]:
    """The least that is still to come, by state, [states, sets of prices]."""
    found = [np.zeros((1, len(prices)))]
    for step in reversed(steps):
        least = np.full((step.states, len(prices)), np.inf)
        if len(step.before):
            states, firsts = np.unique(step.before, return_index=True)
            ahead = step.cost @ prices.T + found[-1][step.after]
            least[states] = np.minimum.reduceat(ahead, firsts, axis=0)
        found.append(least)
    return found[::-1]
