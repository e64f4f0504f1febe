"""The error bar of a mapped figure: what Vivado would count, by all that is known of it.

Of a kind of layer, Vivado's figure is the mapped one divided by a ratio between the least and the
largest that were observed. Layers of a design are taken to err alike, all at once: the bounds of a
total are the sums of its layers' and FIFOs' bounds. That is wider than chance alone would make it.
A kind of which nothing is known gets the widest bounds of all kinds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.flows.finn.calibration.pairs import FIFO, kind_of
from bench.flows.finn.calibration.spread import Spread, widest


@dataclass(frozen=True)
class Bar:
    """Bounds of what Vivado would count, and how much of the figure is of kinds without figures."""

    low: int
    high: int
    unknown: int


def bar_of(
    mapped: Mapping[str, Any],
    resource: str,
    found: Mapping[tuple[str, str], Spread],
    cores: Mapping[str, str | None],
) -> Bar | None:
    """The error bar of a design's total; None where it was not mapped, or nothing is known.

    Args:
        mapped: Metrics of the stage `map`.
        resource: One of RESOURCES.
        found: Ratios by kind and resource: all that is known.
        cores: Of the layers with a matrix, by name.
    """
    if resource not in mapped:
        return None
    general = widest(found, resource)
    if general is None:
        return None
    low = high = 0.0
    unknown = 0
    for kind, count in _counts(mapped, resource, cores):
        own = found.get((kind, resource))
        if own is None or not own.known:
            own, unknown = general, unknown + count
        low, high = low + count / own.high, high + count / own.low
    # A sum that is a whole number misses it by an error of rounding.
    return Bar(math.floor(round(low, 6)), math.ceil(round(high, 6)), unknown)


def _counts(
    mapped: Mapping[str, Any], resource: str, cores: Mapping[str, str | None]
) -> Iterable[tuple[str, int]]:
    for layer in mapped["layers"]:
        yield kind_of(layer["op_type"], cores.get(layer["name"])), int(layer[resource])
    for fifo in mapped["fifos"]:
        yield FIFO, int(fifo[resource])
