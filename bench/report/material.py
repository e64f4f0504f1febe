"""What the report is made of, as plain data: nothing below here looks into the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from bench.experiment import Experiment, Point, Training
from bench.pipeline import Task, plan
from bench.store import Entry, Manifest


@dataclass(frozen=True)
class Artifact:
    """One artifact behind the numbers.

    Attributes:
        manifest: What is known of it.
        folder: Where it lies, relative to the store.
        needs: Keys of the artifacts it was made from, by stage.
    """

    manifest: Manifest
    folder: Path
    needs: Mapping[str, str]


@dataclass(frozen=True)
class Stream:
    """A stream of a simulated design, and the FIFO on it.

    Attributes:
        name: The layers it connects.
        depth: Of its FIFO, in words.
        blocked: Share of cycles in which the sender had to wait; None when not recorded.
        starved: Share of cycles in which the receiver had to wait; None when not recorded.
    """

    name: str
    depth: int
    blocked: float | None = None
    starved: float | None = None


@dataclass(frozen=True)
class Design:
    """The inside of one design, as compiled and simulated.

    Attributes:
        point: Number of its row in the results.
        name: Name of the experiment.
        layers: Estimates by layer, as the compile stage writes them.
        streams: In order from input to output.
        ii_unsized: Interval with every FIFO at depth 2; None for a deadlock or not known.
    """

    point: int
    name: str
    layers: tuple[Mapping[str, Any], ...]
    streams: tuple[Stream, ...]
    ii_simulated: float
    ii_unsized: float | None


@dataclass(frozen=True)
class Dma:
    """What the DMA moves, which bounds a board's throughput."""

    image_bytes: int
    bytes_per_cycle: int


@dataclass(frozen=True)
class Material:
    """Everything that the figures and the page show.

    Attributes:
        grid: Name of the grid.
        names: Of the experiments, in the order of the rows of `results`.
        results: As `collect` makes them.
        trainings: As `collect_trainings` makes them.
        training_names: In the order of the rows of `trainings`.
        curves: Test accuracy after each epoch, by name of the training.
        limits: What each part has: lut, bram18, dsp, uram.
        dma: By row of the results, where measured.
        slowest, fastest: The simulated designs with the longest and the shortest interval.
        chains: Keys of the artifacts behind each experiment or training, by stage.
        artifacts: By key, in the order of stages.
    """

    grid: str
    names: tuple[str, ...]
    results: pd.DataFrame
    trainings: pd.DataFrame
    training_names: tuple[str, ...] = ()
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    dma: Mapping[int, Dma] = field(default_factory=dict)
    slowest: Design | None = None
    fastest: Design | None = None
    chains: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    artifacts: Mapping[str, Artifact] = field(default_factory=dict)


def gather(
    grid: str,
    points: Sequence[Point],
    root: Path,
    results: pd.DataFrame,
    trainings: pd.DataFrame,
    present: Mapping[str, Entry],
) -> Material:
    """The material of a grid: `results` and `trainings` of `points`, and what is behind them."""
    tasks = plan(points)
    own = _by_point(tasks, present)
    experiments = [point for point in points if isinstance(point, Experiment)]
    trained = {
        point.training_name: point if isinstance(point, Training) else point.training
        for point in points
    }
    numbered = list(enumerate(own[experiment.name] for experiment in experiments))
    slowest, fastest = _extremes(results)
    return Material(
        grid=grid,
        names=tuple(experiment.name for experiment in experiments),
        results=results,
        trainings=trainings,
        training_names=tuple(trained),
        curves=_curves(points, own),
        limits=_limits(entries for _, entries in numbered),
        dma={number: dma for number, entries in numbered if (dma := _dma(entries))},
        slowest=None if slowest is None else _design(slowest, experiments, own),
        fastest=None if fastest is None else _design(fastest, experiments, own),
        chains={
            name: {stage: entry.manifest.key for stage, entry in entries.items()}
            for name, entries in own.items()
        },
        artifacts=_artifacts(tasks, present, root),
    )


def _by_point(tasks: Iterable[Task], present: Mapping[str, Entry]) -> dict[str, dict[str, Entry]]:
    own: dict[str, dict[str, Entry]] = {}
    for task in tasks:
        for name in task.serves:
            entries = own.setdefault(name, {})
            if task.id in present:
                entries[task.stage.name] = present[task.id]
    return own


def _artifacts(
    tasks: Iterable[Task], present: Mapping[str, Entry], root: Path
) -> dict[str, Artifact]:
    return {
        entry.manifest.key: Artifact(
            entry.manifest,
            entry.folder.relative_to(root),
            {name: present[need].manifest.key for name, need in task.needs.items()},
        )
        for task in tasks
        if (entry := present.get(task.id))
    }


def _curves(
    points: Iterable[Point], own: Mapping[str, Mapping[str, Entry]]
) -> dict[str, list[float]]:
    curves: dict[str, list[float]] = {}
    for point in points:
        entry = own[point.name].get("train")
        if entry is not None and point.training_name not in curves:
            epochs = entry.metrics().get("epochs") or []
            curves[point.training_name] = [epoch["test_accuracy"] for epoch in epochs]
    return curves


def _limits(every: Iterable[Mapping[str, Entry]]) -> dict[str, Mapping[str, int]]:
    limits: dict[str, Mapping[str, int]] = {}
    for entries in every:
        compiled = entries.get("compile")
        part = compiled.manifest.spec.get("part") if compiled else None
        if compiled and part not in limits and (has := compiled.metrics().get("available")):
            limits[str(part)] = has
    return limits


def _dma(entries: Mapping[str, Entry]) -> Dma | None:
    found = entries["measure"].metrics() if "measure" in entries else {}
    if not found.get("dma_bytes_per_cycle") or not found.get("input_bytes"):
        return None
    return Dma(int(found["input_bytes"]), int(found["dma_bytes_per_cycle"]))


def _extremes(results: pd.DataFrame) -> tuple[int | None, int | None]:
    """Rows of the slowest and the fastest simulated design; the first among equals."""
    intervals = results["ii_simulated"].dropna().astype(float)
    if intervals.empty:
        return None, None
    return int(intervals.argmax()), int(intervals.argmin())


def _design(
    row: int, experiments: Sequence[Experiment], own: Mapping[str, Mapping[str, Entry]]
) -> Design:
    entries = own[experiments[row].name]
    built, simulated = entries["compile"].metrics(), entries["simulate"].metrics()
    return Design(
        point=row,
        name=experiments[row].name,
        layers=tuple(built["simulated"]["layers"]),
        streams=_streams(simulated),
        ii_simulated=float(simulated["ii_simulated"]),
        ii_unsized=simulated.get("ii_unsized"),
    )


def _streams(simulated: Mapping[str, Any]) -> tuple[Stream, ...]:
    """Depths and stalls by stream; simulations of an earlier version did not count stalls."""
    steady = simulated.get("steady_cycles")
    stalls = {stall["stream"]: stall for stall in simulated.get("stalls", ())} if steady else {}

    def share(stream: str, name: str) -> float | None:
        cycles = stalls.get(stream, {}).get(name)
        return None if cycles is None else cycles / steady

    return tuple(
        Stream(
            fifo["stream"],
            int(fifo["depth"]),
            share(fifo["stream"], "blocked_cycles"),
            share(fifo["stream"], "starved_cycles"),
        )
        for fifo in simulated.get("fifos", ())
    )
