"""Tables of docs/explanation/calibration.md: goals and what is reached, and every layer."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.flows.finn.calibration.pairs import RESOURCES, Pair
from bench.flows.finn.calibration.spread import spreads
from bench.flows.finn.resources import UNITS
from bench.results.rows import grouped

# Goals for a kind of layer: how far the median may be from 1, and each layer.
GOALS = {"lut": (0.10, 0.25), "ff": (0.10, 0.10)}


@dataclass(frozen=True)
class Reached:
    """One resource of one kind of layer, and whether its goal is reached; None without figures."""

    text: str
    reached: bool | None


def summary(pairs: Sequence[Pair]) -> str:
    """A row for each kind of layer: number, ratios by resource, what misses its goal."""
    lines = [
        "| kind of layer | layers | LUT | FF | BRAM18 | DSP | misses its goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, own in grouped(pairs, lambda pair: pair.kind).items():
        found = {name: reached(own, name) for name in RESOURCES}
        layers = len({(pair.source, pair.layer) for pair in own})
        missed = [UNITS[name] for name, one in found.items() if one.reached is False]
        cells = [found[name].text for name in RESOURCES]
        lines.append(f"| {' | '.join([kind, str(layers), *cells, ', '.join(missed) or 'none'])} |")
    return "\n".join(lines)


def reached(pairs: Iterable[Pair], resource: str) -> Reached:
    """The median of the ratios and their range; of counts that have to be exact how many are."""
    own = [pair for pair in pairs if pair.resource == resource]
    if not any(pair.mapped or pair.vivado for pair in own):
        return Reached("-", None)
    (found,) = spreads(own).values()
    if resource not in GOALS:
        exact = found.equal == found.compared
        return Reached(f"{found.equal} of {found.compared} equal", exact)
    median_within, each_within = GOALS[resource]
    within = all(abs(ratio - 1) <= each_within for ratio in (found.low, found.high))
    text = f"{found.median:.2f} ({found.low:.2f} to {found.high:.2f})"
    return Reached(text, within and abs(found.median - 1) <= median_within)


def layers(pairs: Sequence[Pair]) -> str:
    """A row for each layer: mapped / Vivado of each resource."""
    lines = ["| source | layer | LUT | FF | BRAM18 | DSP |", "|---|---|---|---|---|---|"]
    for (source, layer), own in grouped(pairs, lambda pair: (pair.source, pair.layer)).items():
        counts = {pair.resource: f"{pair.mapped:,} / {pair.vivado:,}" for pair in own}
        cells = " | ".join(counts[name] for name in RESOURCES)
        lines.append(f"| {source} | {layer} | {cells} |")
    return "\n".join(lines)


def median_of(pairs: Iterable[Pair], resource: str = "lut") -> float:
    """Of all layers of all kinds."""
    own = [pair for pair in pairs if pair.resource == resource and pair.mapped and pair.vivado]
    return statistics.median(pair.mapped / pair.vivado for pair in own)
