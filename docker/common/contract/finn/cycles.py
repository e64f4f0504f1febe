"""How many cycles an image takes, and whether a folding can be, as far as the specs tell.

Of the layers around the matrices only a least number of cycles is known before FINN+ folds them:
that with all channels of a pixel at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, permutations
from typing import Any

from contract.architecture import LayerShape
from contract.finn.folding import FoldingTable, Setting, cycles, folded, layer_cycles, misfits
from contract.finn.goal import Goal, goal_of
from contract.finn.windows import Windows, converter
from contract.layers import layers_of
from contract.stage import Specs

HERTZ_PER_MHZ = 1e6
UNKNOWN_CYCLES = 20_000
"""Of an image, guessed where a network's layers are not known: LeNet5's in FINN's examples."""
_SLOWEST_UNKNOWN = 100 * UNKNOWN_CYCLES
_MOST_ORDERS = 1000
_FASTEST_PRODUCTS = 600
"""Multiplications in a cycle, guessed of the fastest design that fits a small part."""


@dataclass(frozen=True)
class Load:
    """Cycles per image of a part of the hardware.

    Attributes:
        layer: Index of the layer with weights that it belongs to.
        part: What of it: "" for the matrix itself, else such as "windows of 5x5 pixels".
        cycles: The least that it takes, whatever the folding of other layers.
    """

    layer: int
    part: str
    cycles: int


def loads(
    layers: Sequence[LayerShape], table: FoldingTable, options: Iterable[Setting] = ()
) -> list[Load]:
    """Everything that takes cycles, as far as it is known.

    Args:
        layers: All layers with weights, in the order of the declaration.
        table: The folding of those that are not depthwise.
        options: What else is chosen.
    """
    pairs = iter(table)
    found: list[Load] = []
    for index, layer in enumerate(layers):
        pair = None if layer.depthwise else next(pairs)
        found += (Load(index, part, least) for part, least in least_cycles(layer))
        if pair is None:
            continue
        found.append(Load(index, "", cycles(layer, *pair)))
        if index and (between := _between(layers, index, table)):
            found.append(Load(index, "width converter before it", between))
    return [*found, *_thresholds(layers, options)]


def _thresholds(layers: Sequence[LayerShape], options: Iterable[Setting]) -> Iterator[Load]:
    """Of those whose PE is chosen, where it is known which layer they follow."""
    if any(layer.residual for layer in layers):
        return
    for name, attribute, pe in options:
        kind, _, number = str(name).rpartition("_")
        if (kind, attribute) == ("Thresholding", "PE") and int(number) < len(layers):
            layer = layers[int(number)]
            yield Load(int(number), "thresholds", layer.outputs // pe * layer.pixels)


def least_cycles(layer: LayerShape) -> Iterator[tuple[str, int]]:
    """What of a layer no folding of a matrix makes faster, and the cycles that it takes."""
    windows = windows_of(layer)
    if layer.padding:
        yield "padding", layer.image[0] * layer.image[1]
    if windows.needed:
        side = f"{layer.kernel}x{layer.kernel}"
        yield f"windows of {side} pixels", windows.cycles(windows.channels)
    if layer.depthwise:
        yield "", layer.inputs * layer.pixels


def windows_of(layer: LayerShape) -> Windows:
    """What the generator in front of a layer does."""
    return Windows(
        image=layer.image,
        kernel=(layer.kernel, layer.kernel),
        stride=(layer.stride, layer.stride),
        channels=layer.outputs if layer.depthwise else layer.inputs // layer.kernel**2,
        depthwise=layer.depthwise,
    )


def _between(layers: Sequence[LayerShape], index: int, table: FoldingTable) -> int:
    """Of the converter between two fully connected layers that follow each other."""
    before, layer = layers[index - 1], layers[index]
    row = before.pixels == layer.pixels == 1 and before.outputs == layer.inputs
    if not row or before.depthwise or before.residual or layer.residual:
        return 0
    position = len(folded(layers[:index]))
    return converter(layer.inputs, table[position - 1][0], table[position][1])


def slowest_without_folding(layers: Sequence[LayerShape]) -> int:
    """Cycles per image below which no folding gets; 0 where none is known."""
    return max((least for layer in layers for _, least in least_cycles(layer)), default=0)


def cycles_per_image(specs: Specs) -> float:
    """Of the slowest layer; those asked for where a search is to find the folding; else a guess."""
    build, layers = specs["compile"], layers_of(specs)
    goal = goal_of(build["goal"]) if build["goal"] is not None else None
    if goal is not None:
        return _of_goal(goal, layers)
    if build["target_fps"] is not None:
        asked = HERTZ_PER_MHZ * float(build["clock_mhz"]) / float(build["target_fps"])
        return max(min(asked, _slowest(layers)), float(slowest_without_folding(layers or ())))
    if layers is None:
        return UNKNOWN_CYCLES
    table = table_of(build["folding"], build["options"], layers)
    if table is None or next(misfits(table, folded(layers)), None):
        return 0.0
    return float(max(load.cycles for load in loads(layers, table, build["options"])))


def _slowest(layers: Sequence[LayerShape] | None) -> float:
    """Cycles per image of the smallest folding, which no search goes beyond."""
    if layers is None:
        return _SLOWEST_UNKNOWN
    return max(load.cycles for load in loads(layers, ((1, 1),) * len(folded(layers))))


def _of_goal(goal: Goal, layers: Sequence[LayerShape] | None) -> float:
    """Generators may give whole windows, so that they bound nothing."""
    if goal.interval is not None:
        return min(goal.interval, _slowest(layers))
    if layers is None:
        return UNKNOWN_CYCLES
    return sum(la.inputs * la.outputs * la.pixels for la in layers) // _FASTEST_PRODUCTS


def refusal(specs: Specs) -> str | None:
    """Why a folding will be found infeasible; None where that is not known beforehand."""
    layers, folding = layers_of(specs), specs["compile"]["folding"]
    if layers is None or folding is None:
        return None
    misfit = next(misfits(_pairs(folding), folded(layers)), None)
    return misfit[0] if misfit else None


def table_of(
    folding: Any, options: Iterable[Setting], layers: Sequence[LayerShape]
) -> FoldingTable | None:
    """The folding in the order of the declaration; None where there is none.

    Args:
        folding: As a spec has it; None where the layers are folded by FINN's names. Which of a
            fork's layers has which name only the compilation knows: of what may be, the slowest.
        options: By name.
        layers: All with weights.
    """
    if folding is not None:
        return _pairs(folding)
    by_name: dict[int, dict[str, int]] = defaultdict(dict)
    for name, attribute, value in options:
        kind, _, number = str(name).rpartition("_")
        if kind == "MVAU":
            by_name[int(number)][attribute] = value
    matrices = folded(layers)
    try:
        pairs = [(by_name[n]["PE"], by_name[n]["SIMD"]) for n in range(len(matrices))]
    except KeyError:
        return None
    table: list[tuple[int, int]] = []
    numbered = zip(matrices, pairs, strict=True)
    for fork, own in groupby(numbered, key=lambda each: each[0].fork):
        members = list(own)
        shapes, chosen = [each[0] for each in members], [each[1] for each in members]
        table += _slowest_order(shapes, chosen) if fork else chosen
    return tuple(table)


def _slowest_order(
    layers: Sequence[LayerShape], pairs: Sequence[tuple[int, int]]
) -> Sequence[tuple[int, int]]:
    """The order of `pairs` that can be, and takes the most cycles; as it is where none can be."""
    orders = islice(permutations(pairs), _MOST_ORDERS)
    could = [order for order in orders if next(misfits(order, layers), None) is None]
    return max(could, key=lambda order: max(layer_cycles(layers, order)), default=pairs)


def _pairs(folding: Any) -> FoldingTable:
    return tuple((pe, simd) for pe, simd in folding)
