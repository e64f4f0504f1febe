"""The report's contents as plain data: nothing that shows them reads the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from bench.flows.finn.layer_names import folding_label, layer_label
from bench.grids.experiment import Point
from bench.provenance import Step
from bench.results import Place, Row, columns
from bench.results.fastest import FITS
from bench.results.frame import rows_of
from bench.results.rates import rate
from bench.words import Origin, Status

INPUT, OUTPUT = "input", "output"
"""The ends of a design, as its streams call them."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer of a simulated design.

    Attributes:
        name: As the compiler names it.
        label: Shorter, for people.
        folding: None where there is nothing to fold.
        cycles: Estimated, per image.
        resources: Estimated, of those that it takes, by unit.
        stands_in: Whether it was simulated by a module that stands for one that has no RTL.
    """

    name: str
    label: str
    folding: str | None
    cycles: int
    resources: Mapping[str, int] = field(default_factory=dict)
    stands_in: bool = False


@dataclass(frozen=True, kw_only=True)
class Stream:
    """A stream of a simulated design, and the FIFO on it.

    Attributes:
        name: As the compiler names it.
        sender, receiver: Names of the layers that it connects; None for the design's own ends.
        label: The same, for people.
        depth: Of its FIFO, in words.
        width_bits: Of a word.
        blocked, starved: Share of cycles in which the sender, and the receiver, had to wait; None
            without a steady state.
    """

    name: str
    sender: str | None
    receiver: str | None
    label: str
    depth: int
    width_bits: int
    blocked: float | None
    starved: float | None


@dataclass(frozen=True, kw_only=True)
class Design:
    """The inside of a design, as compiled and simulated.

    Attributes:
        point: Number of its row in the results.
        name: Of the experiment.
        fits: Whether it fits its part, by the best source; None where that is not known.
        layers: From input to output.
        streams: Those to each layer in turn, then the one that leaves the design.
        interval: Cycles between two images, as simulated.
        unsized: The same with every FIFO at depth 2; None for a deadlock.
    """

    point: int
    name: str
    layers: tuple[Layer, ...]
    streams: tuple[Stream, ...]
    interval: float
    unsized: float | None
    fits: bool | None = None

    @property
    def as_fastest(self) -> str:
        """What it is where it is shown as the fastest one."""
        if self.fits is None:
            return "fastest"
        return "fastest that fits" if self.fits else "fastest of all, does not fit"


@dataclass(frozen=True)
class Dma:
    """What the DMA moves, which bounds a board's throughput."""

    image_bytes: int
    bytes_per_cycle: int


@dataclass(frozen=True)
class Material:
    """Everything that the figures and the page show.

    Attributes:
        grid: Its name.
        results, trainings: As `collect` and `collect_trainings` make them.
        curves: Test accuracy after each epoch, by name of the training.
        limits: What each part has: lut, bram18, dsp, uram.
        dma: By row of the results, where measured.
        slowest: The simulated design with the longest interval.
        fastest: That with the shortest of those that fit; of all, where none is known to.
        chains: The steps behind each experiment, and each training that is a point of its own.
    """

    grid: str
    results: pd.DataFrame
    trainings: pd.DataFrame
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dma: Mapping[int, Dma] = field(default_factory=dict)
    slowest: Design | None = None
    fastest: Design | None = None
    chains: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)

    @property
    def sound(self) -> pd.DataFrame:
        """The results that figures may show, those of wrong designs left out.

        With `point`, a row's number among all results, and `name`, that of the experiment.
        """
        names = self.results["experiment"].astype(str).astype(object)
        rows = self.results.assign(point=range(len(self.results)), name=names)
        return rows[rows["status"].ne(Status.WRONG)]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """The results as plain values, None for what is absent."""
        return rows_of(self.results)


def gather(
    grid: str,
    points: Sequence[Point],
    results: pd.DataFrame,
    trainings: pd.DataFrame,
    chains: Mapping[str, tuple[Step, ...]],
) -> Material:
    """The material of a grid: `results` and `trainings` of `points`, and what is behind them."""
    by_stage = {
        name: {step.stage: step.metrics for step in steps} for name, steps in chains.items()
    }
    own = [by_stage.get(str(name), {}) for name in results["experiment"]]
    slowest, fastest = _extremes(rows_of(results))
    return Material(
        grid=grid,
        results=results,
        trainings=trainings,
        curves=_curves(points, chains),
        limits=_limits(results, own),
        dma={row: dma for row, metrics in enumerate(own) if (dma := _dma(metrics))},
        slowest=_design(slowest, results, own),
        fastest=_design(fastest, results, own),
        chains=chains,
    )


Metrics = Mapping[str, Mapping[str, Any]]  # by stage


def _curves(
    points: Sequence[Point], chains: Mapping[str, tuple[Step, ...]]
) -> dict[str, list[float]]:
    curves = {}
    for name, point in {point.training_name: point for point in points}.items():
        for step in chains[point.name]:
            if step.stage == "train" and step.metrics.get("epochs"):
                curves[name] = [epoch["test_accuracy"] for epoch in step.metrics["epochs"]]
    return curves


def _limits(results: pd.DataFrame, own: Sequence[Metrics]) -> dict[str, Mapping[str, int]]:
    return {
        str(part): available
        for part, metrics in zip(results["part"], own, strict=True)
        if (available := metrics.get("compile", {}).get("available"))
    }


def _dma(metrics: Metrics) -> Dma | None:
    measured = metrics.get("measure", {})
    if not measured.get("dma_bytes_per_cycle") or not measured.get("input_bytes"):
        return None
    return Dma(int(measured["input_bytes"]), int(measured["dma_bytes_per_cycle"]))


def _extremes(rows: Sequence[Row]) -> tuple[int | None, int | None]:
    """Places of the slowest simulated design, and the fastest that fits, else of all.

    The first among equals.
    """
    rates = {
        place: core
        for place, row in enumerate(rows)
        if (core := rate(row, Origin.RTL_SIM)) is not None
    }
    if not rates:
        return None, None
    fitting = [place for place in rates if rows[place].get(FITS)]
    return min(rates, key=rates.__getitem__), max(fitting or rates, key=rates.__getitem__)


def _design(row: int | None, results: pd.DataFrame, own: Sequence[Metrics]) -> Design | None:
    """The inside of the design in `row`; None for no row, and of a flow that does not tell."""
    compiled = own[row].get("compile", {}).get("simulated") if row is not None else None
    if row is None or compiled is None:
        return None
    simulated = own[row]["simulate"]
    if any("producer" not in fifo for fifo in simulated["fifos"]):
        return None  # made before streams said what they connect
    without_rtl = own[row]["compile"].get("layers_without_rtl", {})
    layers = tuple(_layer(layer, without_rtl) for layer in compiled["layers"])
    return Design(
        point=row,
        name=str(results["experiment"].iloc[row]),
        layers=layers,
        streams=_streams(simulated, layers),
        interval=float(simulated["ii_simulated"]),
        unsized=simulated["ii_unsized"],
        fits=_fits(results, row),
    )


def _fits(results: pd.DataFrame, row: int) -> bool | None:
    said = results[FITS].iloc[row] if FITS in results else None
    return None if pd.isna(said) else bool(said)


def _layer(layer: Mapping[str, Any], without_rtl: Collection[str]) -> Layer:
    shown = columns(place=Place.RESOURCES)
    units = {c.name: c.unit for c in shown if c.unit and c.origin == Origin.ESTIMATED}
    return Layer(
        name=layer["name"],
        label=layer_label(layer),
        folding=folding_label(layer),
        cycles=int(layer["cycles_estimated"]),
        resources={str(unit): layer[name] for name, unit in units.items() if layer.get(name)},
        stands_in=layer["op_type"] in without_rtl,
    )


def _streams(simulated: Mapping[str, Any], layers: Sequence[Layer]) -> tuple[Stream, ...]:
    """Depths and stalls by stream, in the order of the design."""
    steady, labels = simulated["steady_cycles"], {layer.name: layer.label for layer in layers}

    def share(cycles: int | None) -> float | None:
        return None if cycles is None else cycles / steady

    return tuple(
        Stream(
            name=fifo["stream"],
            sender=fifo["producer"] if fifo["producer"] in labels else None,
            receiver=fifo["consumer"] if fifo["consumer"] in labels else None,
            label=f"{labels.get(fifo['producer'], INPUT)} > {labels.get(fifo['consumer'], OUTPUT)}",
            depth=int(fifo["depth"]),
            width_bits=int(fifo["width_bits"]),
            blocked=share(stall["blocked_cycles"]),
            starved=share(stall["starved_cycles"]),
        )
        for fifo, stall in zip(simulated["fifos"], simulated["stalls"], strict=True)
    )
