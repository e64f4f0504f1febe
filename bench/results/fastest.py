"""The fastest design that fits its part, among rows of the results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.results.rates import rate
from bench.results.registry import Row
from bench.results.rows import states
from bench.words import Origin, Status

FITS, FITS_BY, EXCEEDS = "fits", "fits_by", "may_exceed"
MAY_EXCEED = "may exceed"
"""Said of designs that fit, and would not at the upper end of their error bars."""


def source_of_fits(row: Row) -> Origin:
    """What says whether it fits: the estimate, where nothing better is known to have said so."""
    return Origin(row[FITS_BY] or Origin.ESTIMATED)


def fits_told(row: Row) -> str:
    """The source of a design that fits, and whether its error bars leave that open.

    Such as `mapped`, `mapped, may exceed`.
    """
    source = source_of_fits(row)
    return f"{source}, {MAY_EXCEED}" if may_exceed(row) else str(source)


def may_exceed(row: Row) -> str | None:
    """Such as `lut 118%`: of what a design that fits takes too much at the upper end."""
    return row[EXCEEDS] if row[FITS] else None


def fitting(rows: Iterable[Row]) -> list[Row]:
    """Those that fit by the best source there is, and are not wrong."""
    return [row for row in rows if row[FITS] and row["status"] != Status.WRONG]


def fastest_fitting(rows: Iterable[Row]) -> Row | None:
    """Of those that fit, the fastest in simulation; among equals the first as fast with its DMA.

    None where no row that fits was simulated.
    """
    simulated = [row for row in fitting(rows) if rate(row, Origin.RTL_SIM)]
    return max(simulated, key=_speed, default=None)


def _speed(row: Row) -> tuple[float, float]:
    return rate(row, Origin.RTL_SIM) or 0.0, rate(row, Origin.MEASURED) or 0.0


def why_none(rows: Sequence[Row]) -> str:
    """Why `fastest_fitting` has none of `rows`, such as `none of 2 designs fits (mapped)`."""
    if fits := fitting(rows):
        return f"{len(fits)} fit, and none has been simulated ({states(fits)})"
    judged = [row for row in rows if row[FITS] is not None and row["status"] != Status.WRONG]
    if judged:
        sources = " and ".join(dict.fromkeys(map(source_of_fits, judged)))
        return f"none of {len(judged)} fits ({sources})"
    return f"none is known to fit ({states(rows)})"
