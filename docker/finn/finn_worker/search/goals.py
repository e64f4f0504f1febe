"""What is searched for: the fastest design that fits, the smallest, the balanced one, the front."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contract.finn.goal import Goal, Kind
from finn_worker.search.exact import Exact, Found
from finn_worker.search.problem import RESOURCES


@dataclass(frozen=True, kw_only=True)
class Faster:
    """Why there is no faster design.

    Attributes:
        cycles: The next interval that foldings could have; None where they have none.
        binds: The resources of which more would make it fit; where no single one does, those that
            the smallest such design exceeds.
        smallest: The smallest design of that interval, whether it fits or not.
    """

    cycles: int | None
    binds: tuple[str, ...] = ()
    smallest: Found | None = None


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The design that a goal leads to.

    Attributes:
        found: None where nothing fits.
        smallest: The smallest design of all that are fast enough: what would have to fit.
        faster: See `Faster`; only where something fits.
    """

    found: Found | None
    smallest: Found | None
    faster: Faster | None = None


def reach(exact: Exact, goal: Goal, limit: float) -> Reached:
    """What `goal` leads to.

    Args:
        exact: Of the network and the part.
        goal: What is looked for.
        limit: The largest share of any resource that a design may take, the shell included.
    """
    intervals = exact.intervals()
    if goal.kind is Kind.SMALLEST:
        assert goal.interval is not None
        smallest = exact.least(goal.interval)
        fits = smallest is not None and smallest.size[0] <= limit
        return Reached(found=smallest if fits else None, smallest=smallest)
    choose = _balanced if goal.kind is Kind.BALANCED else _fastest
    found = choose(exact, intervals, limit)
    if found is None:
        return Reached(found=None, smallest=exact.least(intervals[-1]))
    faster = _faster(exact, intervals, found, limit) if goal.kind is Kind.FASTEST else None
    return Reached(found=found, smallest=found, faster=faster)


def front(exact: Exact, limit: float) -> list[Found]:
    """The fastest design that fits, and each slower one that is smaller, in this order."""
    intervals = exact.intervals()
    fastest = _fastest(exact, intervals, limit)
    if fastest is None:
        return []
    slower = [cycles for cycles in intervals if cycles >= fastest.design.cycles]
    slowest = exact.least(slower[-1])
    assert slowest is not None, "what fits at a shorter interval fits at a longer one"
    found = [fastest]
    for each in (*_between(exact, slower, fastest, slowest), slowest):
        if each.size[0] < found[-1].size[0]:
            found.append(each)
    return found


def _between(exact: Exact, intervals: list[int], fast: Found, slow: Found) -> Iterator[Found]:
    """The designs between two of the front: none where both are of one size."""
    inner = intervals[1:-1]
    if fast.size[0] == slow.size[0] or not inner:
        return
    middle = len(intervals) // 2
    found = exact.least(intervals[middle])
    assert found is not None, "what fits at a shorter interval fits at a longer one"
    yield from _between(exact, intervals[: middle + 1], fast, found)
    yield found
    yield from _between(exact, intervals[middle:], found, slow)


def _fastest(exact: Exact, intervals: list[int], limit: float) -> Found | None:
    """The smallest design of the shortest interval at which one fits, by bisection."""
    place = bisect_left(intervals, x=True, key=lambda cycles: exact.fits(cycles, limit))
    return exact.least(intervals[place], limit) if place < len(intervals) else None


def _balanced(exact: Exact, intervals: list[int], limit: float) -> Found | None:
    """The design of the most images for what it takes: the least interval times size."""
    best: Found | None = None
    bounds = sorted((cycles * exact.bound(cycles), cycles) for cycles in intervals)
    for bound, cycles in bounds:
        if best is not None and bound >= _product(best):
            break
        found = exact.least(cycles, limit)
        if found is not None and (best is None or _product(found) < _product(best)):
            best = found
    return best


def _product(found: Found) -> float:
    return found.design.cycles * found.size[0]


def _faster(exact: Exact, intervals: list[int], found: Found, limit: float) -> Faster:
    shorter = [cycles for cycles in intervals if cycles < found.design.cycles]
    if not shorter:
        return Faster(cycles=None)
    cycles = shorter[-1]
    smallest = exact.least(cycles)
    assert smallest is not None, "`intervals` has only those for which there is a design"
    binds = [name for name in RESOURCES if exact.without(name).fits(cycles, limit)]
    if smallest.size[0] > limit and not binds:
        shares = exact.shares(smallest.design.cost)
        binds = [name for name in RESOURCES if shares[name] > limit]
    return Faster(cycles=cycles, binds=tuple(binds), smallest=smallest)


def over(shares: Mapping[str, float], limit: float) -> list[str]:
    """The resources of which a design takes more than it may."""
    return [name for name in RESOURCES if shares[name] > limit]
