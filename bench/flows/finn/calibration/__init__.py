"""How far mapped resources are from Vivado's, by kind of layer: published figures, and own runs."""

from bench.flows.finn.calibration.bars import Bar, bar_of
from bench.flows.finn.calibration.pairs import RESOURCES, Pair, own_pairs, published_pairs
from bench.flows.finn.calibration.spread import Spread, spreads

__all__ = [
    "RESOURCES",
    "Bar",
    "Pair",
    "Spread",
    "bar_of",
    "own_pairs",
    "published_pairs",
    "spreads",
]
