"""What parts cost: their LUTs and flip-flops by fitted coefficients, the rest by their shape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from finn_worker.search.components import Part
from finn_worker.search.problem import Cost
from stagekit import StageError

DATA = Path(__file__).with_name("costs.json")
CONSTANT = "each"
"""The name of what a part takes whatever its features."""
FITTED = ("lut", "ff")


class Costs:
    """A cost model.

    Args:
        coefficients: By kind of part and resource, what one unit of a feature takes.
    """

    def __init__(self, coefficients: Mapping[str, Mapping[str, Mapping[str, float]]]) -> None:
        self._coefficients = coefficients

    def of(self, parts: Iterable[Part]) -> Cost:
        """Of all of them, rounded to whole primitives part by part."""
        sums = [0, 0, 0, 0, 0]
        for part in parts:
            own = self._coefficients[part.kind]
            sums[0] += round(evaluated(own["lut"], part.features))
            sums[1] += round(evaluated(own["ff"], part.features))
            sums[2] += part.bram18
            sums[4] += part.dsp
        return tuple(sums)


def evaluated(coefficients: Mapping[str, float], features: Mapping[str, float]) -> float:
    """A figure of a part; never below 0.

    Raises:
        KeyError: A feature has no coefficient: the fit is of another version.
    """
    constant = coefficients[CONSTANT]
    return max(0.0, constant + sum(coefficients[name] * features[name] for name in features))


def costs() -> Costs:
    """The cost model that is fitted to synthesized parts."""
    kinds = data()["kinds"]
    return Costs({kind: {name: own[name]["by"] for name in FITTED} for kind, own in kinds.items()})


@cache
def data() -> Any:
    """The fitted coefficients with their source and errors.

    Raises:
        StageError: They are damaged.
    """
    try:
        return json.loads(DATA.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(
            f"The cost model {DATA.name} cannot be read: {error}.",
            "Restore it from the repository.",
        ) from error
