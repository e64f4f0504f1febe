"""Thresholds of many lanes, which grow lane by lane: few lanes tell what many take.

FINN's `thresholding` searches in each lane by itself, with tables of its own; the lanes have
nothing in common but what says which of their channels is next.
"""

from __future__ import annotations

import re
from dataclasses import replace

from finn_worker.mapping.layers import NODE, TOP
from finn_worker.mapping.mapped import Source

_FEW_BITS = 4
_CORE = "thresholding_axi.sv"
_SIZES = re.compile(r"(parameter  (C|PE|WI|O_BITS) = )(\d+)")


def have_many_lanes(layer: Source) -> bool:
    """Whether the layer has thresholds that are worth being mapped in fewer lanes."""
    if _CORE not in layer.texts:
        return False
    sizes = _sizes(layer)
    return sizes["PE"] >= 3 * _step(sizes)


def of_few_lanes(layer: Source) -> tuple[tuple[Source, int], tuple[Source, int]]:
    """The layer with its first lanes, twice, and how often each counts to make up the whole.

    With n steps of b lanes from a to all of them, that is f(a) + n (f(a + b) - f(a)).
    """
    sizes = _sizes(layer)
    lanes, step = sizes["PE"], _step(sizes)
    first = step + lanes % step
    steps = (lanes - first) // step
    return (_cut(layer, first), 1 - steps), (_cut(layer, first + step), steps)


def _step(sizes: dict[str, int]) -> int:
    """Lanes by which the two layers of which the difference is taken differ.

    What is in the tables of a lane says what it takes, too, and the more so the fewer they are.
    """
    return 4 if sizes["O_BITS"] < _FEW_BITS else 2


def _sizes(layer: Source) -> dict[str, int]:
    found = _SIZES.findall(layer.texts[f"{NODE}.v"])
    return {name: int(value) for _, name, value in found}


def _cut(layer: Source, lanes: int) -> Source:
    """The layer with its first lanes, and as many channels in each."""
    has = _sizes(layer)
    sizes = {**has, "PE": lanes, "C": has["C"] // has["PE"] * lanes}
    node = _SIZES.sub(lambda size: f"{size[1]}{sizes[size[2]]}", layer.texts[f"{NODE}.v"])
    top = layer.texts[f"{TOP}.sv"]
    for port, bits in (("t0_data", sizes["WI"]), ("s1_data", sizes["O_BITS"])):
        width = (lanes * bits + 7) // 8 * 8
        top = re.sub(rf"\[\d+-1:0\](\s+{port})", rf"[{width}-1:0]\1", top)
    return replace(
        layer,
        texts={**layer.texts, f"{NODE}.v": node, f"{TOP}.sv": top},
        memories={
            name: text
            for name, text in layer.memories.items()
            if int(name.removeprefix(f"{NODE}_threshs_").partition("_")[0]) < lanes
        },
    )
