"""Which memories that are only read become block RAM, as Vivado decides where nothing is said.

Source: docs/explanation/calibration.md.
"""

from __future__ import annotations

LUT_ROM_DEPTH = 64
"""Words up to which weights become LUTs: one LUT6 holds 64 bits."""

THRESHOLDS_IN_BLOCKS = 1024
"""Bits from which on a table of thresholds becomes block RAM, however few words they are."""
