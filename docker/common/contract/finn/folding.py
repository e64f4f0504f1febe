"""Foldings of layers with weights: which there can be, and how many cycles they take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

FoldingTable = tuple[tuple[int, int], ...]
"""(PE, SIMD) of each layer with weights, first layer first."""

_LOSES = (
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
    """Those that a folding names: depthwise layers follow from their neighbours."""
    return tuple(layer for layer in layers if not layer.depthwise)


def cycles(layer: Layer, pe: int, simd: int) -> int:
    """Cycles per image of a layer that has `pe` outputs and `simd` inputs at once."""
    return layer.inputs // simd * (layer.outputs // pe) * layer.pixels


def layer_cycles(layers: Sequence[Layer], table: FoldingTable) -> list[int]:
    """Cycles that each of `layers` takes for an image, folded as `table` says."""
    return [cycles(layer, pe, simd) for layer, (pe, simd) in zip(layers, table, strict=True)]


def misfits(table: FoldingTable, layers: Sequence[Layer]) -> Iterator[tuple[str, str]]:
    """What of a folding its layers cannot have, each after `layer 1`, and what they can."""
    for number, ((pe, simd), layer) in enumerate(zip(table, layers, strict=True), start=1):
        if layer.inputs == 1:
            yield (
                f"layer {number}: it has one input, and {_LOSES}.",
                "Use images of at least 2x2 pixels.",
            )
            continue
        undivided = [
            (
                f"layer {number}: {term} {value} does not divide its {size} {of}.",
                f"{term} values that do: {', '.join(map(str, could))}.",
            )
            for term, value, size, of, could in (
                ("PE", pe, layer.outputs, "outputs", divisors(layer.outputs)),
                ("SIMD", simd, layer.inputs, "inputs", divisors(layer.inputs)[:-1]),
            )
            if size % value
        ]
        yield from undivided
        if not undivided and simd == layer.inputs:
            yield (
                f"layer {number}: SIMD {simd} is all its inputs (SIMD = MW), and {_LOSES}.",
                _instead(pe, simd, layer),
            )


def divisors(number: int) -> list[int]:
    """All divisors of `number`, ascending."""
    return [value for value in range(1, number + 1) if number % value == 0]


def _instead(pe: int, simd: int, layer: Layer) -> str:
    """The folding nearest in speed that takes fewer inputs at once, rather a faster one."""
    wanted = cycles(layer, pe, simd)
    candidates = [(p, s) for p in divisors(layer.outputs) for s in divisors(layer.inputs)[:-1]]

    def distance(pair: tuple[int, int]) -> tuple[bool, int, int]:
        taken = cycles(layer, *pair)
        return taken > wanted, abs(taken - wanted), -pair[1]

    best = min(candidates, key=distance)
    taken = cycles(layer, *best)
    if taken == wanted:
        return f"Write {list(best)}, which is as fast."
    per_image = "1 cycle" if taken == 1 else f"{taken:,} cycles"
    return f"Write {list(best)}, the nearest: {per_image} per image instead of {wanted:,}."
