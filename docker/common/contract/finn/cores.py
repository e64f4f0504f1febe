"""The cores that multiply in an MVAU in RTL."""

from __future__ import annotations

DSP = "dsp"
"""FINN+'s own, of DSP slices: what is built where nothing is said."""
LUT = "lut"
"""Bench's, of LUTs and carry chains (docs/decisions/0044-a-core-of-luts.md)."""
CORES = (DSP, LUT)

MOST_BITS = 8
"""Of a weight or an activation that a core of LUTs multiplies."""


def contradicts(core: object, resources: object) -> bool:
    """Whether the setting `core` asks for LUTs, and FINN's `resType` for DSP slices."""
    return core == LUT and resources == DSP
