"""The cores that multiply in an MVAU in RTL."""

from __future__ import annotations

from typing import Final, Literal

Core = Literal["dsp", "lut"]
DSP: Final = "dsp"
"""FINN+'s own, of DSP slices: what is built where nothing is said."""
LUT: Final = "lut"
"""Bench's, of LUTs and carry chains (docs/decisions/0044-a-core-of-luts.md)."""
CORES: tuple[Core, ...] = (DSP, LUT)

MOST_BITS = 8
"""Of a weight or an activation that a core of LUTs multiplies."""


def contradicts(core: object, resources: object) -> bool:
    """Whether the setting `core` asks for LUTs, and FINN's `resType` for DSP slices."""
    return core == LUT and resources == DSP
