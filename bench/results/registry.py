"""What a column of the results is, and the register of all columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib import import_module
from typing import Any

from bench import extensions
from bench.errors import ConfigError, did_you_mean
from bench.flows import FLOWS, all_stages
from bench.grids.experiment import Point
from bench.results.formats import TEXT, Format
from bench.results.formats import WHOLE as COUNT
from bench.results.tolerance import UNKNOWN, Tolerance
from bench.words import Origin, State

GRID = "experiment file"
STORE = "store"
WHOLE, PART = "all layers", "part"
"""The values of a column that is the `scope` of another."""

Row = Mapping[str, Any]
"""A row of the results by column; None for what is absent."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """A point's settings and results.

    Attributes:
        metrics: By stage, of the stages that are in the store.
        state: How the point ended.
        stages: How each optional stage ended.
        runner: What ran the stages; several, joined, if the store holds a mixture.
        built: Metrics by stage of every point of the grid of which there is a bitstream: estimates
            of the others can be held against these.
    """

    point: Point
    metrics: Mapping[str, Mapping[str, Any]]
    state: State
    stages: Mapping[str, State]
    runner: str | None = None
    built: Sequence[Mapping[str, Mapping[str, Any]]] = ()

    @property
    def of_model(self) -> bool:
        """Whether the point is of a model that is given, not of a training."""
        return self.point.training is None

    def asked(self, name: str) -> Any:
        """The parameter `name` of its stages; None where none has it."""
        return next((spec[name] for spec in self.point.specs.values() if name in spec), None)

    def of(self, stage: str) -> Mapping[str, Any]:
        """The metrics of `stage`; empty where there are none."""
        return self.metrics.get(stage, {})


class File(StrEnum):
    """The files that have columns."""

    RESULTS = "results.csv"
    TRAININGS = "trainings.csv"


class Place(StrEnum):
    """Where else a column is shown, beside its files, `bench why` and `bench compare`."""

    THROUGHPUT = "the first table of the terminal and of results.md"
    RESOURCES = "the second table of the terminal and of results.md"
    PAGE = "the table of the page"
    SEEDS = "seeds.csv and seeds.md, as mean and spread over seeds"


class Omit(StrEnum):
    """When tables leave a column out."""

    CONSTANT = "on the page, where all rows have the same"
    ABSENT = "on the page, where no row has it"
    OF_MODELS = "where rows are of a model that is given"
    ABSENT_OF_MODELS = "where rows are of a model that is given, and none has it"
    OF_TRAININGS = "where rows are of trainings"


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the results.

    Attributes:
        name: In files and on the command line.
        stage: The stage that produces it; `GRID` for settings, `STORE` for the outcome of the row.
        given: The stage that produces it, and its origin, where a model is given, not trained.
        metric: The key in that stage's metrics.json or in the experiment file; None: the name.
        formula: How it is calculated; None: it is the metric as it is.
        tolerance: How much it may differ between two reports.
        value: Computes it; None: the metric as it is.
        arithmetic: The numbers behind a value; None, or if it returns None: the metric.
        heading: Over a table; None: the name.
        label: Over the page's table, below its group; None: the heading.
        format: None: a whole number where it has a unit, else text.
        text: Makes a cell's text from the whole row, where the value alone is not enough.
        shown: Where it appears besides its files.
        identity: Whether rows with the same values in all such columns are of one experiment.
        omit: When tables leave it out; None: never.
        says_what_is_wrong: Whether it stays in the row of a design that computes something else
            than the trained model.
        refined_by: The column with the same from a better source, where that exists.
        bounds: The columns with the least and the largest that it may be, by what is known of its
            error.
        scope: The column that says whether this one covers all layers or a `PART`.
        alike_in: The column in which two rows must agree for this one to be comparable.
    """

    name: str
    stage: str
    origin: Origin
    given: tuple[str, Origin] | None = None
    metric: str | None = None
    unit: str | None = None
    formula: str | None = None
    tolerance: Tolerance = UNKNOWN
    value: Callable[[Facts], Any] | None = None
    arithmetic: Callable[[Facts], str | None] | None = None
    heading: str | None = None
    label: str | None = None
    format: Format | None = None
    text: Callable[[Row], str] | None = None
    shown: tuple[Place, ...] = ()
    files: tuple[File, ...] = (File.RESULTS,)
    identity: bool = False
    omit: Omit | None = None
    says_what_is_wrong: bool = False
    refined_by: str | None = None
    bounds: tuple[str, str] | None = None
    scope: str | None = None
    alike_in: str | None = None

    @property
    def key(self) -> str:
        """The metric's name."""
        return self.metric or self.name

    @property
    def form(self) -> Format:
        """How a value is written in tables."""
        return self.format or (COUNT if self.unit else TEXT)

    @property
    def withheld(self) -> bool:
        """Whether a wrong design's row must not have it: running that design means nothing."""
        return self.origin.is_of_the_running_design and not self.says_what_is_wrong

    @property
    def source(self) -> str:
        """Where it is from, in a phrase."""
        formula = f": {self.formula}" if self.formula else ""
        return f"{self.stage}, {self.key}{formula}"

    def of(self, *, models: bool) -> Column:
        """The column as it is of given `models`, or of trainings."""
        if self.given is None or not models:
            return self
        stage, origin = self.given
        return replace(self, stage=stage, origin=origin, given=None)

    def value_of(self, facts: Facts) -> Any:
        """Its value; None where it is absent."""
        if self.value:
            return self.value(facts)
        return facts.of(self.of(models=facts.of_model).stage).get(self.key)

    def arithmetic_of(self, facts: Facts) -> str:
        """The numbers behind its value; empty where it has none."""
        metrics = facts.of(self.stage)
        if self.key not in metrics:
            return ""
        own = self.arithmetic(facts) if self.arithmetic else None
        return own or f"{self.key} = {metrics[self.key]}"

    def as_json(self) -> dict[str, Any]:
        """What it is, as JSON values."""
        return {
            "name": self.name,
            "stage": self.stage,
            "metric": self.key,
            "origin": str(self.origin),
            "unit": self.unit,
            "formula": self.formula,
            "tolerance": str(self.tolerance),
        }


_register: dict[str, Column] = {}


def _all() -> dict[str, Column]:
    """All columns by name, those of flows and of extensions included."""
    extensions.modules()
    for flow in FLOWS.values():
        if flow.columns is not None:
            import_module(flow.columns)
    return _register


def register(*added: Column) -> None:
    """Add columns to every table, file and comparison.

    Raises:
        ValueError: There is a column of that name, or no such stage.
    """
    for column in added:
        if column.name in _register:
            raise ValueError(f"there is a column {column.name} already")
        if column.stage not in _order():
            raise ValueError(f"column {column.name}: there is no stage {column.stage}")
        _register[column.name] = column


def columns(file: File | None = None, place: Place | None = None) -> tuple[Column, ...]:
    """All columns, or those of `file`, shown in `place`; in the order of the stages."""
    order = _order()
    chosen = (
        column
        for column in _all().values()
        if file in (None, *column.files) and place in (None, *column.shown)
    )
    return tuple(sorted(chosen, key=lambda column: order.index(column.stage)))


def names(chosen: Iterable[Column]) -> list[str]:
    """Of these columns."""
    return [column.name for column in chosen]


def column(name: str) -> Column:
    """The column called `name`.

    Raises:
        ConfigError: There is none.
    """
    every = _all()
    if name not in every:
        raise ConfigError(f"There is no column '{name}'.", did_you_mean(name, every))
    return every[name]


def refinements(estimate: Column) -> tuple[Column, ...]:
    """The columns with the same from better sources, the best one last."""
    better: list[Column] = []
    name = estimate.refined_by
    while name is not None:
        better.append(column(name))
        name = better[-1].refined_by
    return tuple(better)


def tolerance_of(name: str) -> Tolerance:
    """Of the column called `name`, which may be of another version."""
    every = _all()
    return every[name].tolerance if name in every else UNKNOWN


def identity() -> tuple[str, ...]:
    """The columns that tell which experiment a row is of."""
    return tuple(column.name for column in columns() if column.identity)


def _order() -> list[str]:
    return [GRID, *all_stages(), STORE]
