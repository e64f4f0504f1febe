"""Folding of the layers around matrices: as parallel as their neighbours need, and no more.

A stream whose ends are of different widths gets a width converter. It keeps pace as long as one
width is a multiple of the other, so only such foldings are chosen where there is a choice.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from finn_worker import legal
from finn_worker.legal import FOLDED_BY, kind_of

# What is folded after what; of thresholds, first those that follow a matrix.
_ORDER: tuple[tuple[frozenset[str], bool], ...] = (
    (frozenset({"Pool", "VVAU"}), False),
    (frozenset({"Thresholding"}), True),
    (frozenset({"ConvolutionInputGenerator"}), False),
    (frozenset({"FMPadding"}), False),
    (frozenset({"DuplicateStreams", "ElementwiseAdd", "GlobalAccPool", "LabelSelect"}), False),
    (frozenset({"Thresholding"}), False),
)
# They take windows channel by channel, as wide as the generator before them gives them.
OF_WINDOWS = frozenset({"Pool", "VVAU"})


def fold(model: ModelWrapper, cycles: int, chosen: Collection[str] = ()) -> None:
    """Set the folding of all layers but the MVAUs and those that are `chosen`, in place.

    Args:
        model: Its MVAUs are folded; layers in the order in which data pass them.
        cycles: Per image that no layer should exceed.
        chosen: Names of other layers that are folded.
    """
    _Implied(model, cycles, chosen).fold()


class _Implied:
    def __init__(self, model: ModelWrapper, cycles: int, chosen: Collection[str]) -> None:
        self._model = model
        self._cycles = cycles
        self._folded = {n.name for n in model.graph.node if kind_of(n) == "MVAU"} | {*chosen}

    def fold(self) -> None:
        for kinds, after_sums in _ORDER:
            for node in self._model.graph.node:
                if kind_of(node) not in kinds or node.name in self._folded:
                    continue
                if not after_sums or self._follows_sums(node):
                    self._set(node, self._best(node))
                    self._folded.add(node.name)

    def _follows_sums(self, node: Any) -> bool:
        return any(kind_of(each) in {"MVAU", "VVAU"} for each in self._producers(node))

    def _best(self, node: Any) -> int:
        producers, consumers = (
            [each for each in around if each.name in self._folded]
            for around in (self._producers(node), self._consumers(node))
        )
        if kind_of(node) == "Thresholding" and self._follows_sums(node):
            return self._lanes(producers[0], output=True)
        if kind_of(node) == "ConvolutionInputGenerator" and kind_of(consumers[0]) in OF_WINDOWS:
            return self._lanes(consumers[0], output=False)
        if kind_of(node) in OF_WINDOWS and (generator := self._generator(node)) in producers:
            return self._lanes(generator, output=True)
        widths = [self._lanes(each, output=True) for each in producers]
        widths += [self._lanes(each, output=False) for each in consumers]
        return self._smallest(node, widths)

    def _smallest(self, node: Any, widths: Sequence[int]) -> int:
        """The smallest that keeps pace, or else the largest, of those that suit most neighbours."""

        def misfits(lanes: int) -> int:
            return sum(bool(lanes % width and width % lanes) for width in widths)

        candidates = legal.values(node)[FOLDED_BY[kind_of(node)][0]]
        fewest = min(map(misfits, candidates))
        candidates = [lanes for lanes in candidates if misfits(lanes) == fewest]
        for lanes in candidates:
            self._set(node, lanes)
            cycles = cycles_of(node)
            if kind_of(node) in OF_WINDOWS and (generator := self._generator(node)) is not None:
                self._set(generator, lanes)
                cycles = max(cycles, cycles_of(generator))
            if cycles <= self._cycles:
                return lanes
        return candidates[-1]

    def _set(self, node: Any, lanes: int) -> None:
        getCustomOp(node).set_nodeattr(FOLDED_BY[kind_of(node)][0], lanes)

    def _lanes(self, node: Any, *, output: bool) -> int:
        """Elements in a beat of a layer's output, or of its input."""
        if kind_of(node) == "MVAU":
            return int(getCustomOp(node).get_nodeattr("PE" if output else "SIMD"))
        return int(getCustomOp(node).get_nodeattr(FOLDED_BY[kind_of(node)][0]))

    def _generator(self, node: Any) -> Any:
        """What forms the windows of a layer; None where each is one pixel."""
        (producer,) = self._producers(node) or [None]
        is_one = producer is not None and kind_of(producer) == "ConvolutionInputGenerator"
        return producer if is_one else None

    def _producers(self, node: Any) -> list[Any]:
        found = [self._model.find_producer(name) for name in node.input]
        return [producer for producer in found if producer is not None]

    def _consumers(self, node: Any) -> list[Any]:
        return [each for name in node.output for each in self._model.find_consumers(name)]


def cycles_of(node: Any) -> int:
    """Cycles per image of a layer in RTL, where there is one: others do not know those of all."""
    return int(getCustomOp(specialized(node)).get_exp_cycles())


def specialized(node: Any) -> Any:
    """A copy; of a generator, which knows less of itself before, as the RTL that it becomes."""
    copied = copy.deepcopy(node)
    if kind_of(node) == "ConvolutionInputGenerator":
        copied.op_type, copied.domain = f"{kind_of(node)}_rtl", f"{node.domain}.rtl"
    return copied
