"""What layers are made of: the parts whose resources the cost model knows.

A part says by which figures of its own its LUTs and flip-flops grow (`features`); how fast they do
is fitted to synthesized parts (`costs.json`). Block RAMs and DSP slices follow from its shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

LUT_ROM_DEPTH = 64
"""Up to so many words, a memory that is only read becomes LUTs, unless asked otherwise."""
# (words, bits) of a block RAM of 18 kbit, and of 36 kbit, which counts twice.
_BRAM18 = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
_BRAM36 = ((32768, 1), (16384, 2), (8192, 4), (4096, 9), (2048, 18), (1024, 36), (512, 72))
_SHIFT_DEPTH = 33
_LUT_FIFO_DEPTH = 257


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a layer.

    Attributes:
        kind: Names its coefficients.
        features: What its LUTs and flip-flops grow with, by name.
    """

    kind: str
    features: Mapping[str, float] = field(default_factory=dict)
    bram18: int = 0
    dsp: int = 0


def bram18(depth: int, width: int) -> int:
    """Block RAMs of 18 kbit that a memory takes, in the shape that takes the fewest."""
    counts = [math.ceil(depth / words) * math.ceil(width / bits) for words, bits in _BRAM18]
    counts += [2 * math.ceil(depth / words) * math.ceil(width / bits) for words, bits in _BRAM36]
    return min(counts)


def fifo(width: int, depth: int) -> Part:
    """A FIFO, as FINN's fifo.sv chooses its memory: shift registers, LUT memory, block RAM."""
    if depth <= _SHIFT_DEPTH:
        return Part(kind="fifo", features={"bits": width, "words": math.log2(max(depth, 5))})
    address = math.ceil(math.log2(depth))
    if depth <= _LUT_FIFO_DEPTH or width < 5:
        words = math.ceil(depth / 64)
        return Part(
            kind="deep fifo", features={"bits": width, "cells": width * words, "address": address}
        )
    features = {"bits": width, "cells": 0, "address": address}
    return Part(kind="deep fifo", features=features, bram18=bram18(depth, width))


def converter(given: int, taken: int) -> Part:
    """A width converter from `given` to `taken` bits in a beat."""
    if given % taken and taken % given:
        unit = math.gcd(given, taken)
        return Part(
            kind="uneven converter",
            features={"both": given + taken, "spread": (given + taken) / unit * unit},
        )
    wide, narrow = max(given, taken), min(given, taken)
    kind = "narrowing converter" if given > taken else "widening converter"
    return Part(
        kind=kind, features={"wide": wide, "narrow": narrow, "ratio": math.log2(wide // narrow)}
    )


def thresholds(*, pe: int, channels: int, levels: int, in_bits: int) -> Part:
    """A binary search through `levels` thresholds, one stage for each bit of the result."""
    stages = max(1, math.ceil(math.log2(levels + 1)))
    folds = channels // pe
    depths = [folds * 2**stage for stage in range(stages)]
    tables = sum(in_bits * math.ceil(depth / 64) for depth in depths if depth <= LUT_ROM_DEPTH)
    pointer = math.ceil(math.log2(folds)) + stages
    blocks = sum(bram18(depth, in_bits) for depth in depths if depth > LUT_ROM_DEPTH)
    features = {
        "lanes": pe,
        "compared": pe * stages * in_bits,
        "tables": pe * tables,
        "pointers": pe * stages * pointer,
    }
    return Part(kind="thresholds", features=features, bram18=pe * blocks)


def weights(depth: int, width: int, style: str) -> Part:
    """The memory beside a matrix, read word by word.

    Args:
        depth: Words.
        width: Bits of one.
        style: "auto", "distributed" or "block".
    """
    in_blocks = style == "block" or (style == "auto" and depth > LUT_ROM_DEPTH)
    address = math.log2(depth) if depth > 1 else 0
    if in_blocks and depth > 1:
        return Part(
            kind="weights in block RAM",
            features={"bits": width, "address": address},
            bram18=bram18(depth, width),
        )
    cells = width * math.ceil(depth / 64)
    return Part(
        kind="weights in LUTs", features={"bits": width, "cells": cells, "address": address}
    )


def replay(length: int, times: int, width: int) -> Part:
    """The buffer that gives a matrix its inputs once for each group of outputs."""
    if times == 1:
        return Part(kind="no replay", features={"address": math.log2(length) if length > 1 else 0})
    depth = 2 ** math.ceil(math.log2(length)) if length > 1 else 1
    return Part(
        kind="replay",
        features={
            "bits": width,
            "cells": width * math.ceil(depth / 64) if depth > 1 else 0,
            "address": math.log2(depth) + math.log2(times),
        },
    )


def lanes(weight_bits: int, input_bits: int, *, narrow: bool, port: int) -> int:
    """Products that one DSP slice computes at once, whose weights' port has so many bits."""
    spare = port - (0 if narrow else 1) - weight_bits
    return 1 + max(0, spare) // (weight_bits + input_bits - 1)


def dsp_core(
    *, pe: int, simd: int, weight_bits: int, input_bits: int, sum_bits: int, lanes: int
) -> Part:
    """FINN's `mvu`: SIMD slices for each group of outputs, and adders for what overflows a lane."""
    groups = math.ceil(pe / lanes)
    return Part(
        kind="core of DSPs",
        features={
            "slices": simd * groups,
            "products": simd * pe,
            "sums": simd * pe * min(sum_bits, weight_bits + input_bits + math.log2(simd)),
            "outputs": pe * sum_bits,
            "groups": groups,
        },
        dsp=simd * groups,
    )


def lut_core(*, pe: int, simd: int, weight_bits: int, input_bits: int, sum_bits: int) -> Part:
    """A matrix that multiplies in LUTs."""
    product = weight_bits + input_bits
    return Part(
        kind="core of LUTs",
        features={
            "products": simd * pe,
            "partial": simd * pe * weight_bits * input_bits,
            "product bits": simd * pe * product,
            "outputs": pe * sum_bits,
        },
    )


def windows(*, width: int, depth: int, in_blocks: bool, counters: float) -> Part:
    """A generator of windows: a buffer of `depth` words, and counters."""
    blocks = bram18(depth, width) if in_blocks else 0
    cells = 0 if in_blocks else width * math.ceil(depth / 64)
    return Part(
        kind="windows",
        features={"bits": width, "cells": cells, "address": counters},
        bram18=blocks,
    )


def whole_windows(*, given: int, taken: int, depth: int) -> Part:
    """A generator that gives all pixels of a window at once, out of shift registers."""
    return Part(
        kind="whole windows",
        features={"given": given, "shifted": taken * depth / 32, "bits": taken},
    )


def padding(width: int) -> Part:
    """Zeros around an image."""
    return Part(kind="padding", features={"bits": width})


def plain(kind: str, given: int, taken: int) -> Part:
    """A layer of which only the widths of its streams are known."""
    return Part(kind=kind, features={"given": given, "taken": taken})
