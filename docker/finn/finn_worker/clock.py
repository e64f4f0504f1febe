"""The clock, which everything of ours states in MHz."""

from __future__ import annotations


def period_ns(clock_mhz: float) -> float:
    """The clock period, as FINN+ and Vivado take it."""
    return 1000.0 / clock_mhz
