"""The ratio of mapped to Vivado's figures, by kind of layer and resource."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bench.flows.finn.calibration.pairs import Pair
from bench.results.rows import grouped


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Ratios of mapped to Vivado's figures over distinct layers.

    Attributes:
        number: Of layers with a ratio: those of which both figures are above 0.
        equal: Layers with the same figure, both 0 included.
        compared: All layers.
        median, low, high: Of the ratios; 1 where there is none and all figures are equal.
    """

    number: int
    equal: int
    compared: int
    median: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether it says anything of other layers."""
        return self.number > 0 or (self.compared > 0 and self.equal == self.compared)


def spreads(pairs: Iterable[Pair]) -> dict[tuple[str, str], Spread]:
    """By kind and resource."""
    groups = grouped(pairs, lambda pair: (pair.kind, pair.resource))
    return {key: _spread(own) for key, own in groups.items()}


def _spread(pairs: list[Pair]) -> Spread:
    ratios = [pair.mapped / pair.vivado for pair in pairs if pair.mapped and pair.vivado]
    return Spread(
        number=len(ratios),
        equal=sum(pair.mapped == pair.vivado for pair in pairs),
        compared=len(pairs),
        median=statistics.median(ratios) if ratios else 1.0,
        low=min(ratios, default=1.0),
        high=max(ratios, default=1.0),
    )


def widest(found: Mapping[tuple[str, str], Spread], resource: str) -> Spread | None:
    """Over all kinds, for a kind of which nothing is known; None where nothing is at all."""
    own = [one for (_, name), one in found.items() if name == resource and one.known]
    if not own:
        return None
    return Spread(
        number=sum(one.number for one in own),
        equal=sum(one.equal for one in own),
        compared=sum(one.compared for one in own),
        median=statistics.median(one.median for one in own),
        low=min(one.low for one in own),
        high=max(one.high for one in own),
    )
