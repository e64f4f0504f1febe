"""Foldings of layers with weights: which there can be, and how many cycles they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, TypeVar

from contract.text import counted

FoldingTable = tuple[tuple[int, int], ...]
"""(PE, SIMD) of each layer with weights but depthwise ones, in the order of the declaration."""
Setting = tuple[str | int, str, Any]
"""A layer, one of its attributes, and the value.

The layer is FINN's name in the hardware graph, such as "MVAU_0"; a kind, such as "FMPadding": all
layers of it for which nothing else is said; or a number: the place of a layer with weights in the
network's declaration, from 1.
"""

LOSES = (
    "FINN+ 1.6.1 loses results of a layer that takes all its inputs at once "
    "(docs/decisions/0018-foldings-that-lose-results.md)"
)


AnyLayer = TypeVar("AnyLayer", bound="Layer")


class Layer(Protocol):
    """A layer with weights: a matrix of `outputs` (MH) rows and `inputs` (MW) columns."""

    @property
    def inputs(self) -> int:
        """MW."""

    @property
    def outputs(self) -> int:
        """MH."""

    @property
    def pixels(self) -> int:
        """How many times an image goes through the matrix."""

    @property
    def depthwise(self) -> bool:
        """Whether each output has an input channel of its own."""


def folded(layers: Sequence[AnyLayer]) -> tuple[AnyLayer, ...]:
    """Those that a list of pairs names: depthwise layers follow from their neighbours."""
    return tuple(layer for layer in layers if not layer.depthwise)


def cycles(layer: Layer, pe: int, simd: int) -> int:
    """Cycles per image of a layer that has `pe` outputs and `simd` inputs at once."""
    return layer.inputs // simd * (layer.outputs // pe) * layer.pixels


def layer_cycles(layers: Sequence[Layer], table: FoldingTable) -> list[int]:
    """Cycles that each of `layers` takes for an image, folded as `table` says."""
    return [cycles(layer, pe, simd) for layer, (pe, simd) in zip(layers, table, strict=True)]


def loses_results(inputs: int, simd: int) -> bool:
    """Whether the output queue of an MVAU in RTL is too short: it may sum in every cycle.

    Stalled, it then has more results on their way than the queue has places.
    docs/decisions/0006-short-output-queue.md derives it.
    """
    return simd == inputs


def legal_pe(layer: Layer) -> list[int]:
    """The PE that a layer can have."""
    return divisors(layer.outputs)


def legal_simd(layer: Layer) -> list[int]:
    """The SIMD that a layer can have: none of one input, as it would lose results."""
    if layer.depthwise:
        return [1]
    return [simd for simd in divisors(layer.inputs) if not loses_results(layer.inputs, simd)]


def misfits(
    table: FoldingTable, layers: Sequence[Layer], names: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """What of a folding its layers cannot have, each after its name, and what they can.

    Args:
        table: One pair for each layer.
        layers: Not depthwise.
        names: What the layers are called; "layer 1" and so on where there are none.
    """
    known = names or [f"layer {number}" for number in range(1, len(layers) + 1)]
    for name, pair, layer in zip(known, table, layers, strict=True):
        yield from misfits_of(name, pair, layer)


def misfits_of(name: str, pair: tuple[int, int], layer: Layer) -> Iterator[tuple[str, str]]:
    """The same of one layer."""
    pe, simd = pair
    if layer.inputs == 1:
        yield f"{name}: it has one input, and {LOSES}.", "Use images of at least 2x2 pixels."
        return
    undivided = [
        (
            f"{name}: {term} {value} does not divide its {counted(size, of)}.",
            f"{term} values that do: {', '.join(map(str, could))}.",
        )
        for term, value, size, of, could in (
            ("PE", pe, layer.outputs, "output", legal_pe(layer)),
            ("SIMD", simd, layer.inputs, "input", legal_simd(layer)),
        )
        if size % value
    ]
    yield from undivided
    if not undivided and loses_results(layer.inputs, simd):
        what = f"{name}: SIMD {simd} is all its inputs (SIMD = MW), and {LOSES}."
        yield what, f"Write {instead(layer, pe, simd)}."


def nearest(layer: Layer, pe: int, simd: int) -> tuple[int, int] | None:
    """The folding nearest in speed that loses no results; None for a layer of one input.

    One as fast is taken before a faster one, and that before a slower one; of several, the one
    that takes the most inputs at once: half the SIMD and twice the PE, where both are whole.
    """
    wanted = cycles(layer, pe, simd)

    def distance(pair: tuple[int, int]) -> tuple[bool, int, int]:
        taken = cycles(layer, *pair)
        return taken > wanted, abs(taken - wanted), -pair[1]

    candidates = [(p, s) for p in legal_pe(layer) for s in legal_simd(layer)]
    return min(candidates, key=distance, default=None)


def instead(layer: Layer, pe: int, simd: int) -> str:
    """The folding nearest in speed, and what it costs: "[4, 8], which is as fast"."""
    best = nearest(layer, pe, simd)
    assert best is not None, "a layer of one input has no folding"
    taken, wanted = cycles(layer, *best), cycles(layer, pe, simd)
    if taken == wanted:
        return f"{list(best)}, which is as fast"
    return f"{list(best)}, the nearest: {counted(taken, 'cycle')} per image instead of {wanted:,}"


def divisors(number: int) -> list[int]:
    """All divisors of `number`, ascending."""
    return [value for value in range(1, number + 1) if number % value == 0]
