"""What layers are made of: the parts whose resources the cost model knows.

A part says by which figures of its own its LUTs and flip-flops grow (`features`); how fast they do
is fitted to synthesized parts (`costs.json`). Block RAMs and DSP slices follow from its shape.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from finn_worker.mapping.rules import LUT_ROM_DEPTH, THRESHOLDS_IN_BLOCKS

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


def lut_memory(depth: int, width: int) -> int:
    """LUTs of a memory that is written: four of them hold 32 words of 6 bits, or 64 of 3."""
    if depth <= 1:
        return 0
    if depth <= 32:
        return 4 * math.ceil(width / 6)
    return 4 * math.ceil(width / 3) * math.ceil(depth / 64)


def _selected(depth: int, width: int) -> int:
    """Bits that are chosen among several memories of 64 words."""
    return width * (math.ceil(depth / 64) - 1)


def fifo(width: int, depth: int) -> Part:
    """A FIFO, as FINN's fifo.sv chooses its memory: shift registers, LUT memory, block RAM."""
    address = math.log2(max(depth, 5))
    if depth <= _SHIFT_DEPTH:
        return Part(kind="fifo", features={"bits": width, "address": address})
    in_luts = depth <= _LUT_FIFO_DEPTH or width < 5
    features = {
        "bits": width,
        "memory": lut_memory(depth, width) if in_luts else 0,
        "selected": _selected(depth, width) if in_luts else 0,
        "address": address,
    }
    blocks = 0 if in_luts else bram18(depth, width)
    return Part(kind="deep fifo", features=features, bram18=blocks)


def converter(given: int, taken: int) -> Part:
    """A width converter from `given` to `taken` bits in a beat."""
    wide, narrow, unit = max(given, taken), min(given, taken), math.gcd(given, taken)
    ratio = math.log2(wide / unit)
    if wide % narrow:
        kind = "uneven converter"
    else:
        kind = "narrowing converter" if given > taken else "widening converter"
    features = {"wide": wide, "narrow": narrow, "shifted": (wide + narrow) * ratio}
    return Part(kind=kind, features=features)


def thresholds(*, pe: int, channels: int, levels: int, in_bits: int) -> Part:
    """A binary search through `levels` thresholds, one stage for each bit of the result."""

    def in_blocks(depth: int) -> bool:
        return depth * in_bits >= THRESHOLDS_IN_BLOCKS

    stages = max(1, math.ceil(math.log2(levels + 1)))
    folds = channels // pe
    depths = [folds * 2**stage for stage in range(stages)]
    tables = sum(in_bits * math.ceil(depth / 64) for depth in depths if not in_blocks(depth))
    pointer = math.ceil(math.log2(folds)) + stages
    blocks = sum(bram18(depth, in_bits) for depth in depths if in_blocks(depth))
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
    # Two functions of five inputs share a LUT.
    cells = width / 2 if depth <= 32 else width * math.ceil(depth / 64)
    features = {"bits": width, "cells": cells, "address": address}
    return Part(kind="weights in LUTs", features=features)


def replay(length: int, times: int, width: int) -> Part:
    """The buffer that gives a matrix its inputs once for each group of outputs."""
    if times == 1:
        return Part(kind="no replay", features={"address": math.log2(length)})
    depth = 2 ** math.ceil(math.log2(length))
    return Part(
        kind="replay",
        features={
            "bits": width,
            "memory": lut_memory(depth, width),
            "selected": _selected(depth, width),
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
    """FINN's `mvu`: SIMD slices for each group of outputs, whose lanes are summed outside.

    Of each lane but a group's first, two bits of every product are computed in LUTs, and summed, to
    tell what overflows from the lane below.
    """
    groups = math.ceil(pe / lanes)
    low = sum_bits if lanes == 1 else min(sum_bits, weight_bits + input_bits)
    return Part(
        kind="core of DSPs",
        features={
            "canaries": simd * (pe - groups),
            "sums": pe * tree(simd, low, sum_bits) + (pe - groups) * tree(simd, 2, sum_bits),
            "outputs": pe * sum_bits,
        },
        dsp=simd * groups,
    )


def lut_core(*, pe: int, simd: int, weight_bits: int, input_bits: int, sum_bits: int) -> Part:
    """Our core of LUTs: for each bit of the narrower factor, a tree adds up the other one."""
    planes, term = sorted((weight_bits, input_bits))
    plane = term + math.ceil(math.log2(simd))
    total = plane + (planes if planes > 1 else 0)
    # Stages that few bits do not need are registers.
    spare = 3 + (simd == 1) - math.ceil(math.log2(planes))
    return Part(
        kind="core of LUTs",
        features={
            "sums": pe * planes * tree(simd, term, plane),
            "masks": pe * planes * term * (simd == 1),
            "planes": pe * (planes - 1) * plane,
            "outputs": pe * sum_bits,
            "waiting": pe * max(0, spare) * (total + sum_bits) / 2,
        },
    )


def kernel_core(*, pe: int, weight_bits: int, input_bits: int, sum_bits: int) -> Part:
    """A depthwise layer: one product for each output at a time, summed over the kernel."""
    features = {"partial": pe * weight_bits * input_bits, "outputs": pe * sum_bits}
    return Part(kind="core of kernels", features=features)


@cache
def tree(terms: int, width: int, most: int) -> int:
    """Bits of all sums in a balanced tree of additions.

    Args:
        terms: Numbers to be added.
        width: Bits of one of them.
        most: Bits that no sum exceeds.
    """
    if terms < 2:
        return 0
    left = terms // 2
    own = min(most, width + math.ceil(math.log2(terms)))
    return own + tree(left, width, most) + tree(terms - left, width, most)


def windows(*, width: int, depth: int, in_blocks: bool, counters: float) -> Part:
    """A generator of windows: a buffer of `depth` words, and counters."""
    return Part(
        kind="windows",
        features={
            "bits": width,
            "memory": 0 if in_blocks else lut_memory(depth, width),
            "selected": 0 if in_blocks else _selected(depth, width),
            "address": counters,
        },
        bram18=bram18(depth, width) if in_blocks else 0,
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
