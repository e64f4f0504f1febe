"""The problem as a graph of states, whose paths are all of its designs.

Layers are decided one after the other. What a decision has to know of those before it are the
widths of the streams that are still open, given but not taken: these are a state. In a chain that
is one width; in a network that forks, one for each branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finn_worker.search.problem import Joint, Layer, Option, Problem, added

Ints = npt.NDArray[np.int64]
_State = tuple[int, ...]
_Transition = tuple[int, int, int, int, tuple[int, ...]]


@dataclass(frozen=True)
class Step:
    """The decision on one layer: every transition from a state before to one after it.

    Attributes:
        before, after: States, as places; sorted by `before`.
        option: The option that a transition takes.
        cycles: Per image, of the slower of the layer and what joins it to those before.
        cost: [transitions, resources], of both.
        states: How many states there are before it.
    """

    before: Ints
    after: Ints
    option: Ints
    cycles: Ints
    cost: Ints
    states: int

    def within(self, cycles: int) -> Step:
        """Without what takes more cycles."""
        return self.only(self.cycles <= cycles)

    def only(self, kept: npt.NDArray[np.bool_]) -> Step:
        """With the transitions that are `kept`."""
        return Step(
            self.before[kept],
            self.after[kept],
            self.option[kept],
            self.cycles[kept],
            self.cost[kept],
            self.states,
        )


def fastest(steps: Sequence[Step]) -> int:
    """The fewest cycles that any design takes."""
    least = np.zeros(1, dtype=np.int64)
    for step in reversed(steps):
        slower = np.maximum(step.cycles, least[step.after])
        least = np.full(step.states, np.iinfo(np.int64).max)
        np.minimum.at(least, step.before, slower)
    return int(least[0])


def steps_of(problem: Problem) -> list[Step]:
    """The decisions, in the order of the layers; there is one state before and one after all."""
    taken = {name for layer in problem.layers for name in layer.inputs}
    given = {name for layer in problem.layers for name in layer.outputs}
    opened: list[str] = []
    states: list[_State] = [()]
    found = []
    for layer in problem.layers:
        rest = [name for name in opened if name not in layer.inputs]
        new = [name for name in layer.outputs if name in taken]
        ends = _Ends(problem, layer, given, taken)
        after: dict[_State, int] = {}
        rows = list(_transitions(layer, ends, states, opened, rest, len(new), after))
        found.append(_step(rows, len(states)))
        opened, states = [*rest, *new], list(after)
    assert not opened, "every stream is taken by a layer or leaves the network"
    return found


def _transitions(
    layer: Layer,
    ends: _Ends,
    states: Sequence[_State],
    opened: Sequence[str],
    rest: Sequence[str],
    new: int,
    after: dict[_State, int],
) -> Iterator[_Transition]:
    places = [opened.index(name) for name in rest]
    inputs = [opened.index(name) for name in layer.inputs if name in opened]
    for before, state in enumerate(states):
        kept = tuple(state[place] for place in places)
        widths = tuple(state[place] for place in inputs)
        for number, option in enumerate(layer.options):
            joint = ends.of(widths, option)
            if joint is None:
                continue
            reached = after.setdefault((*kept, *(option.given,) * new), len(after))
            cycles = max(option.cycles, joint.cycles)
            yield before, reached, number, cycles, added(option.cost, joint.cost)


class _Ends:
    """What joins a layer to those before it, and to the ends of the network."""

    def __init__(self, problem: Problem, layer: Layer, given: set[str], taken: set[str]) -> None:
        self._join = problem.join
        self._inputs = [name for name in layer.inputs if name in given]
        self._first = [name for name in layer.inputs if name not in given]
        self._last = [name for name in layer.outputs if name not in taken]
        self._known: dict[tuple[tuple[int, ...], int, int], Joint | None] = {}

    def of(self, widths: tuple[int, ...], option: Option) -> Joint | None:
        """All of it, where the inputs are so wide; None where it cannot be."""
        key = (widths, option.taken, option.given)
        if key not in self._known:
            self._known[key] = self._together(widths, option)
        return self._known[key]

    def _together(self, widths: tuple[int, ...], option: Option) -> Joint | None:
        pairs = zip(self._inputs, widths, strict=True)
        joints = [self._join(name, width, option.taken) for name, width in pairs]
        joints += [self._join(name, None, option.taken) for name in self._first]
        joints += [self._join(name, option.given, None) for name in self._last]
        present = [joint for joint in joints if joint is not None]
        if len(present) < len(joints):
            return None
        cycles = max((joint.cycles for joint in present), default=0)
        return Joint(cycles, added(*(joint.cost for joint in present)))


def _step(rows: Sequence[_Transition], states: int) -> Step:
    plain = np.array([row[:4] for row in rows], dtype=np.int64).reshape(-1, 4)
    cost = np.array([row[4] for row in rows], dtype=np.int64).reshape(len(rows), -1)
    before, after, option, cycles = plain.T
    return Step(before, after, option, cycles, cost, states)
