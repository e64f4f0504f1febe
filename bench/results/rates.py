"""Images per second at the clock of the build: what foldings and origins are compared by."""

from __future__ import annotations

from bench.results.registry import Row, identity
from bench.words import Origin

INTERVALS = {
    Origin.ESTIMATED: "ii_estimated",
    Origin.RTL_SIM: "ii_simulated",
    Origin.MEASURED: "ii_measured",
}
"""Columns with the cycles between two images, by what they are."""


def rate(row: Row, origin: Origin) -> float | None:
    """Images per second at the clock of the build; a board may have run at another one."""
    interval, clock_mhz = row[INTERVALS[origin]], row["clock_mhz"]
    return 1e6 * float(clock_mhz) / float(interval) if interval and clock_mhz else None


def alike_but_for_folding(row: Row) -> tuple[object, ...]:
    """The same for all rows that differ in nothing but their folding."""
    return tuple(row[name] for name in identity() if name != "folding")
