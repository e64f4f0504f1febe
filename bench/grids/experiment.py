"""The points of a grid: everything that decides the results of each, as one spec per stage."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench.flows import Flow, all_stages, flow_named, up_to
from bench.grids.tables import Grid, TrainTable
from bench.grids.trainings import hyperparameters, precisions
from bench.words import BitWidths, Precision
from contract import fields
from contract.stage import Scope, Specs, Stage
from contract.stages.dataset import DatasetSpec


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a point is, in the words of its grid.

    Attributes:
        network, dataset: Their names.
        weight_bits, act_bits: The precision; None where a model of the user's has its own.
        seed: Of the training; None without one.
        folding, board: Of the design; None for a training.
    """

    network: str
    dataset: str
    weight_bits: BitWidths | None = None
    act_bits: BitWidths | None = None
    seed: int | None = None
    folding: str | None = None
    board: str | None = None

    @property
    def precision(self) -> Precision | None:
        """Of both; None where they are not given."""
        if self.weight_bits is None or self.act_bits is None:
            return None
        return Precision(self.weight_bits, self.act_bits)

    @property
    def of_network(self) -> str:
        """What all trainings of a network, and all designs of a given model, are called by."""
        precision = f"{self.precision}" if self.precision else ""
        return "-".join(filter(None, (self.network, self.dataset, precision))).lower()

    @property
    def of_training(self) -> str:
        """What all designs of a training, or of a given model, are called by."""
        return self.of_network if self.seed is None else f"{self.of_network}-s{self.seed}"


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a grid: a design, or a training that no hardware is built from.

    Attributes:
        name: Unique in its grid, e.g. `tfc-mnist-w2a2-s1-low`.
        training_name: Of what one training, or one model, serves, e.g. `tfc-mnist-w2a2-s1`.
        labels: What it is.
        specs: The parameters of each of its stages, as JSON values; points share equal ones.
        needs_bitstream: Whether a real board measures it.
    """

    name: str
    training_name: str
    labels: Labels
    specs: Specs
    needs_bitstream: bool = False

    @property
    def is_training(self) -> bool:
        """Whether it is a training only."""
        return self.labels.folding is None

    @property
    def training(self) -> Point | None:
        """Its training, as a point of its own; None for a design of a model that is given."""
        if "train" not in self.specs:
            return None
        labels = replace(self.labels, folding=None, board=None)
        stages = up_to("train", [*all_stages().values()])
        specs = {s.name: self.specs[s.name] for s in stages if s.name in self.specs}
        return Point(
            name=self.training_name, training_name=self.training_name, labels=labels, specs=specs
        )


def expand(grid: Grid) -> tuple[Point, ...]:
    """Every design of `grid`, trainings in the order written, foldings within each."""
    return tuple(_designs(grid))


def references(grid: Grid) -> tuple[Point, ...]:
    """What `grid` trains for comparison only."""
    if grid.train is None:
        return ()
    specs = _Specs(grid)
    stages = tuple(s for s in specs.flow.all_stages if s.name in ("dataset", "train"))
    pairs = ((0, 0) if isinstance(bits, str) else bits for bits in grid.train.references)
    return tuple(
        Point(
            name=name,
            training_name=name,
            labels=labels,
            specs=specs.of(stages, _trained(grid, grid.train, labels)),
        )
        for name, labels in _trainings(grid, grid.train, pairs)
    )


def inspections(
    grid: Grid, stages: Sequence[Stage], more: Mapping[str, Any] | None = None
) -> tuple[Point, ...]:
    """Each network of `grid` once, whatever its seeds, with the specs of `stages`.

    What decides these besides the grid is in `more`, by field.
    """
    specs, whole = _Specs(grid), {**_of_all(grid), **(more or {})}
    points: dict[str, Point] = {}
    for _, made_of in _networks(grid):
        labels = replace(made_of, seed=None)
        points[labels.of_network] = Point(
            name=labels.of_network,
            training_name=labels.of_network,
            labels=labels,
            specs=specs.of(tuple(stages), {**_chosen(grid, made_of), **whole}),
        )
    return tuple(points.values())


def _of_all(grid: Grid) -> dict[str, Any]:
    """What an inspection is told of all designs, by field."""
    parts = flow_named(grid.flow).boards
    return {
        "foldings": tuple((f.name, tuple(f.fields.items())) for f in grid.folds),
        "targets": tuple((board, parts.get(board)) for board in grid.build.board),
    }


def _trainings(
    grid: Grid, train: TrainTable, pairs: Iterable[tuple[BitWidths, BitWidths]]
) -> Iterator[tuple[str, Labels]]:
    """Name and labels of each training at the precisions `pairs`."""
    for data, bits, seed in itertools.product(grid.data, pairs, train.seeds):
        labels = Labels(
            network=train.made.name,
            dataset=data.name,
            weight_bits=bits[0],
            act_bits=bits[1],
            seed=seed,
        )
        yield labels.of_training, labels


def _designs(grid: Grid) -> Iterator[Point]:
    specs = _Specs(grid)
    boards = tuple(sorted(grid.measure.board))
    whole = {**_of_all(grid), "boards": boards}
    shared, own = _split(grid.stages)
    for training_name, made_of in _networks(grid):
        of_all = {**_chosen(grid, made_of), **whole}
        made = specs.of(shared, of_all)
        for folding, board in itertools.product(grid.folds, grid.build.board):
            labels = replace(made_of, folding=folding.name, board=board)
            part = specs.flow.boards.get(board)
            chosen = {**of_all, **folding.fields, "board": board, "part": part}
            suffix = f"-{board.lower()}" if len(grid.build.board) > 1 else ""
            each = {**made, **specs.of(own, chosen)}
            yield Point(
                name=f"{training_name}-{folding.name}{suffix}",
                training_name=training_name,
                labels=labels,
                specs={stage.name: each[stage.name] for stage in grid.stages},
                needs_bitstream=grid.needs_bitstream,
            )


def _split(stages: Sequence[Stage]) -> tuple[tuple[Stage, ...], tuple[Stage, ...]]:
    """Those whose specs all designs of a training share, and the others."""
    shared = tuple(stage for stage in stages if stage.scope is not Scope.DESIGN)
    return shared, tuple(stage for stage in stages if stage.scope is Scope.DESIGN)


def _networks(grid: Grid) -> Iterator[tuple[str, Labels]]:
    """Name and labels of each training, or of the given model."""
    if grid.train is not None:
        yield from _trainings(grid, grid.train, precisions(grid.train))
        return
    for data in grid.data:
        labels = Labels(network=grid.network, dataset=data.name)
        yield labels.of_training, labels


def _chosen(grid: Grid, labels: Labels) -> dict[str, Any]:
    """What a point decides of the specs of its training, or of its model, by field."""
    if grid.train is not None:
        return _trained(grid, grid.train, labels)
    file = grid.files[0]
    given = {"file_sha256": file.sha256, "file_bytes": file.bytes}
    return {**vars(labels), **vars(_data(grid, labels)), **given}


def _data(grid: Grid, labels: Labels) -> DatasetSpec:
    return next(data for data in grid.data if data.name == labels.dataset)


def _trained(grid: Grid, train: TrainTable, labels: Labels) -> dict[str, Any]:
    return {
        **vars(labels),
        **vars(_data(grid, labels)),
        "architecture": train.made.architecture,
        "code": train.made.code,
        **vars(hyperparameters(train)),
    }


class _Specs:
    """The specs of a grid's points, equal ones made once."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.flow: Flow = flow_named(grid.flow)
        self._made: dict[tuple[Any, ...], Mapping[str, Any]] = {}

    def of(self, stages: tuple[Stage, ...], chosen: Mapping[str, Any]) -> Specs:
        """By stage; what is no key of the grid's tables is `chosen`."""
        return {stage.name: self._spec(stage, chosen) for stage in stages}

    def _spec(self, stage: Stage, chosen: Mapping[str, Any]) -> Mapping[str, Any]:
        table = self._grid.table(stage)
        written = {
            name: value
            for name in fields.keys(stage.spec)
            if (value := getattr(table, name)) is not None or name not in chosen
        }
        values = {
            name: written[name] if name in written else chosen[name]
            for name in fields.fields_of(stage.spec)
        }
        identity = (stage.name, *values.values())
        if identity not in self._made:
            spec = fields.require(stage.spec(**values))
            self._made[identity] = json.loads(json.dumps(asdict(spec)))
        return self._made[identity]
