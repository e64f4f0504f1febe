"""Columns of the simulation of the RTL."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from bench.results import formats, tolerance
from bench.results.general import rate
from bench.results.registry import Column, Facts, Omit, Place, Row, register
from bench.results.tolerance import exact, not_compared, sampling
from bench.words import Origin


def _agreeing(column: str, row: Row) -> str:
    agreeing, images = row[column], row["sim_images"]
    if agreeing is None or images is None:
        return ""
    return "all" if agreeing == images else formats.WHOLE(agreeing)


def _agreement(facts: Facts) -> str:
    simulated = facts.of("simulate")
    return f"{simulated['agreeing_with_torch']:,} of {simulated['images']:,} images"


def _with_reference(metric: str, *, model: bool) -> Callable[[Facts], Any]:
    """A metric on the reference, where that is torch's trained network, or the given model."""
    return lambda facts: facts.of("simulate").get(metric) if facts.of_model is model else None


def _core_arithmetic(facts: Facts) -> str | None:
    return rate(facts.of("simulate")["ii_simulated"], facts.asked("clock_mhz"))


def _core_rate(facts: Facts) -> float | None:
    interval = facts.of("simulate").get("ii_simulated")
    return None if interval is None else float(facts.asked("clock_mhz")) * 1e6 / float(interval)


_simulated = partial(Column, stage="simulate", origin=Origin.RTL_SIM, tolerance=tolerance.CYCLES)
_TIES = not_compared("chance has a part in ties; where they explain too little, the row is wrong")

register(
    _simulated(
        name="sim_images", metric="images", unit="images",
        formula="test images that ran through the RTL", tolerance=tolerance.SETTING,
        says_what_is_wrong=True,
    ),
    _simulated(
        name="sim_accuracy", metric="accuracy", unit="fraction", formula="correct / sim_images",
        tolerance=sampling("sim_images", "the images simulated"), heading="sim. accuracy",
        label="accuracy", format=formats.PERCENT, shown=(Place.RESOURCES, Place.PAGE, Place.SEEDS),
        omit=Omit.ABSENT_OF_MODELS,
    ),
    _simulated(
        name="bit_exact", formula="every output equals the trained model's",
        tolerance=exact("the RTL computes what the model does, or it does not"), heading="exact",
        label="bit-exact", format=formats.YES_NO, shown=(Place.THROUGHPUT, Place.PAGE),
        says_what_is_wrong=True,
    ),
    _simulated(
        name="agreeing_with_torch", unit="images",
        formula="images of the class that torch gives them, of sim_images", tolerance=_TIES,
        value=_with_reference("agreeing_with_torch", model=False), heading="torch",
        label="as torch", text=partial(_agreeing, "agreeing_with_torch"),
        shown=(Place.THROUGHPUT, Place.PAGE), says_what_is_wrong=True, omit=Omit.OF_MODELS,
    ),
    _simulated(
        name="torch_ties", unit="images",
        formula="images of another class, each explained by a tie", tolerance=_TIES,
        value=_with_reference("torch_ties", model=False), says_what_is_wrong=True,
    ),
    _simulated(
        name="agreeing_with_model", metric="agreeing_with_torch", unit="images",
        formula="images of which the design says what the given model itself does, of sim_images",
        tolerance=_TIES, value=_with_reference("agreeing_with_torch", model=True),
        arithmetic=_agreement, heading="as model", label="as the model",
        text=partial(_agreeing, "agreeing_with_model"),
        shown=(Place.THROUGHPUT, Place.PAGE), says_what_is_wrong=True, omit=Omit.OF_TRAININGS,
    ),
    _simulated(
        name="model_ties", metric="torch_ties", unit="images",
        formula="images of which the design says something else, each explained by a tie",
        tolerance=_TIES, value=_with_reference("torch_ties", model=True), says_what_is_wrong=True,
    ),
    _simulated(
        name="ii_simulated", unit="cycles", formula="cycles between two images in steady state",
        heading="II sim.", label="interval", format=formats.CYCLES,
        shown=(Place.THROUGHPUT, Place.PAGE, Place.SEEDS),
    ),
    _simulated(
        name="latency_cycles", unit="cycles", formula="from the first input to the first output",
        heading="latency", shown=(Place.RESOURCES, Place.PAGE, Place.SEEDS),
    ),
    _simulated(
        name="fps_core", metric="ii_simulated", unit="images/s",
        formula="clock_mhz x 1e6 / ii_simulated", value=_core_rate, arithmetic=_core_arithmetic,
        heading="fps core", label="images/s", format=formats.NUMBER,
        shown=(Place.THROUGHPUT, Place.PAGE, Place.SEEDS),
    ),
)  # fmt: skip
