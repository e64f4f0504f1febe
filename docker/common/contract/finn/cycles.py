"""How many cycles an image takes, and whether a folding can be, as far as the specs tell."""

from __future__ import annotations

from contract.finn.folding import FoldingTable, folded, layer_cycles, misfits
from contract.layers import layers_of
from contract.stage import Specs

HERTZ_PER_MHZ = 1e6
UNKNOWN_CYCLES = 20_000
"""Of an image, guessed where a network's layers are not known: LeNet5's in FINN's examples."""


def cycles_per_image(specs: Specs) -> float:
    """Of the slowest layer; those asked for where FINN+ is to find the folding; else a guess."""
    build = specs["compile"]
    if build["folding"] is None:
        return HERTZ_PER_MHZ * float(build["clock_mhz"]) / float(build["target_fps"])
    known, table = layers_of(specs), _table(specs)
    if known is None:
        return UNKNOWN_CYCLES
    layers = folded(known)
    if next(misfits(table, layers), None):
        return 0.0
    return float(max(layer_cycles(layers, table)))


def refusal(specs: Specs) -> str | None:
    """Why a folding will be found infeasible; None where that is not known beforehand."""
    layers = layers_of(specs)
    if specs["compile"]["folding"] is None or layers is None:
        return None
    misfit = next(misfits(_table(specs), folded(layers)), None)
    return misfit[0] if misfit else None


def _table(specs: Specs) -> FoldingTable:
    return tuple((pe, simd) for pe, simd in specs["compile"]["folding"])
