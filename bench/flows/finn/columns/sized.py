"""Columns of the sizes of FIFOs."""

from __future__ import annotations

from functools import partial

from bench.results import formats, tolerance
from bench.results.registry import Column, register
from bench.words import Origin

_sized = partial(Column, stage="size", origin=Origin.RTL_SIM, tolerance=tolerance.CYCLES)

register(
    _sized(name="fifo_depth", metric="total_depth", unit="words", formula="sum over the FIFOs"),
    _sized(
        name="fifo_bits", metric="total_bits", unit="bits",
        formula="sum over the FIFOs of depth x width in whole bytes", tolerance=tolerance.WIDTHS,
    ),
    _sized(
        name="ii_unsized", unit="cycles",
        formula="cycles between two images before the FIFOs are sized", format=formats.CYCLES,
    ),
    _sized(name="unsized_deadlock", formula="where the design stops before the FIFOs are sized"),
)  # fmt: skip
