"""The exact search against all designs of small problems: chains, forks and skip paths."""

from __future__ import annotations

import random

import pytest

from brute_force import smallest
from contract.finn.goal import Goal, Kind
from finn_worker.search.exact import Exact
from finn_worker.search.goals import front, reach
from finn_worker.search.problem import Joint, Layer, Option, Problem
from finn_worker.search.transitions import steps_of

AVAILABLE = {"lut": 100, "ff": 150, "bram18": 12, "uram": 0, "dsp": 12}
RESERVE = {"lut": 7, "ff": 3, "bram18": 1}
CHAIN = (("a", ["in"], ["x"]), ("b", ["x"], ["y"]), ("c", ["y"], ["z"]), ("d", ["z"], ["out"]))
FORK = (
    ("split", ["in"], ["x", "y"]), ("a", ["x"], ["z"]), ("b", ["y"], ["w"]),
    ("sum", ["z", "w"], ["out"]),
)  # fmt: skip
SKIP = (
    ("first", ["in"], ["v"]), ("split", ["v"], ["x", "y"]), ("a", ["x"], ["z"]),
    ("b", ["z"], ["w"]), ("sum", ["w", "y"], ["out"]),
)  # fmt: skip
DSPS = range(6)
INTERVALS = (4, 6, 8, 9, 12, 24, 40)


def problem(graph: object, seed: int, options: int = 5) -> Problem:
    """Random options and joints; some ends cannot be joined."""
    rng = random.Random(seed)
    layers = []
    for name, inputs, outputs in graph:  # type: ignore[attr-defined]
        own = tuple(
            Option(
                taken=rng.choice((1, 2, 3)),
                given=rng.choice((1, 2, 3)),
                cycles=rng.choice((4, 6, 8, 12, 24)),
                cost=(rng.randrange(1, 40), rng.randrange(60),
                    rng.randrange(5), 0, rng.choice(DSPS)),
            )
            for _ in range(options)
        )  # fmt: skip
        layers.append(Layer(name=name, inputs=tuple(inputs), outputs=tuple(outputs), options=own))
    joints: dict[tuple[str, int | None, int | None], Joint | None] = {}

    def join(stream: str, given: int | None, taken: int | None) -> Joint | None:
        key = (stream, given, taken)
        if key not in joints:
            joints[key] = Joint(0, (1, 1, 0, 0, 0))
            if None not in key and given != taken:
                cost = (rng.randrange(9), rng.randrange(9), 0, 0, 0)
                joints[key] = None if rng.random() < 0.1 else Joint(rng.choice((0, 5, 9)), cost)
        return joints[key]

    return Problem(layers=layers, join=join)


def searched(of: Problem) -> Exact:
    return Exact(steps_of(of), AVAILABLE, RESERVE)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("graph", [CHAIN, FORK, SKIP], ids=["chain", "fork", "skip"])
def test_no_design_is_smaller_than_the_one_that_is_found(graph: object, seed: int) -> None:
    given = problem(graph, seed)
    best, exact = smallest(given, AVAILABLE, RESERVE), searched(given)
    for cycles in INTERVALS:
        expected = min((best[c] for c in best if c <= cycles), default=None)
        found = exact.least(cycles)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert found.size[0] == pytest.approx(expected)
            assert found.design.cycles <= cycles
            assert exact.bound(cycles) <= found.size[0] + 1e-9


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("graph", [CHAIN, SKIP], ids=["chain", "skip"])
@pytest.mark.parametrize("limit", [0.7, 0.9, 1.1])
def test_goals(graph: object, seed: int, limit: float) -> None:
    given = problem(graph, seed)
    best, exact = smallest(given, AVAILABLE, RESERVE), searched(given)
    fitting = {cycles: size for cycles, size in best.items() if size <= limit}
    fastest = reach(exact, Goal(Kind.FASTEST), limit)
    balanced = reach(exact, Goal(Kind.BALANCED), limit)
    if not fitting:
        assert fastest.found is balanced.found is None
        assert fastest.smallest is not None
        assert fastest.smallest.size[0] == pytest.approx(min(best.values()))
        assert front(exact, limit) == []
        return
    assert fastest.found is not None
    assert balanced.found is not None
    assert fastest.found.design.cycles == min(fitting)
    assert fastest.found.size[0] == pytest.approx(fitting[min(fitting)])
    product = balanced.found.design.cycles * balanced.found.size[0]
    assert product == pytest.approx(min(cycles * size for cycles, size in fitting.items()))
    pairs = [(each.design.cycles, each.size[0]) for each in front(exact, limit)]
    assert pairs[0][0] == min(fitting)
    assert sorted({size for _, size in pairs}, reverse=True) == [size for _, size in pairs]
    assert {round(size, 9) for _, size in pairs} == {round(size, 9) for size in fitting.values()}


def test_what_binds_is_what_more_of_would_help() -> None:
    """One layer: twice as fast for twice the LUTs, or for DSPs that the part does not have."""
    options = (
        Option(taken=1, given=1, cycles=20, cost=(40, 0, 0, 0, 0)),
        Option(taken=1, given=1, cycles=10, cost=(120, 0, 0, 0, 0)),
        Option(taken=1, given=1, cycles=5, cost=(10, 0, 0, 0, 20)),
    )
    layer = Layer(name="a", inputs=("in",), outputs=("out",), options=options)
    only = Problem(layers=[layer], join=lambda *_: Joint(0, (0, 0, 0, 0, 0)))
    reached = reach(searched(only), Goal(Kind.FASTEST), 0.9)
    assert reached.found is not None
    assert reached.found.design.cycles == 20
    assert reached.faster is not None
    # At 10 cycles, LUTs would do, and so would DSPs.
    assert (reached.faster.cycles, reached.faster.binds) == (10, ("lut", "dsp"))
    quick = reach(searched(only), Goal(Kind.FASTEST), 2.0).faster
    assert quick is not None
    assert quick.cycles is None


def test_an_interval_that_no_folding_reaches() -> None:
    reached = reach(searched(problem(CHAIN, 1)), Goal(Kind.SMALLEST, 1), 1.0)
    assert reached.found is reached.smallest is None
