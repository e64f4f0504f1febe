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

from bench.flows.finn.calibration.pairs import FIFO, Pair, kind_of
from bench.flows.finn.calibration.spread import spreads, widest


@dataclass(frozen=True)
class Bar:
    """Bounds of what Vivado would count, and how much of the figure is of kinds without figures."""

    low: int
    high: int
    unknown: int


def bar_of(mapped: Mapping[str, Any], resource: str, pairs: Iterable[Pair]) -> Bar | None:
    """The error bar of a design's total; None where it was not mapped, or nothing is known.

    Args:
        mapped: Metrics of the stage `map`.
        resource: One of RESOURCES.
        pairs: All that is known.
    """
    if resource not in mapped:
        return None
    found = spreads(pairs)
    general = widest(found, resource)
    if general is None:
        return None
    low = high = 0.0
    unknown = 0
    for kind, count in _counts(mapped, resource):
        own = found.get((kind, resource))
        if own is None or not own.known:
            own, unknown = general, unknown + count
        low, high = low + count / own.high, high + count / own.low
    return Bar(math.floor(low), math.ceil(high), unknown)


def _counts(mapped: Mapping[str, Any], resource: str) -> Iterable[tuple[str, int]]:
    for layer in mapped["layers"]:
        yield kind_of(layer), int(layer[resource])
    for fifo in mapped["fifos"]:
        yield FIFO, int(fifo[resource])
