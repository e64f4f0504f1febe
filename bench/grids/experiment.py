"""What an experiment is: one frozen spec per stage, so that a stage sees its own fields only."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from bench.datasets import DATASETS
from bench.datasets.model import DatasetSpec
from bench.grids.catalog import BOARD_PARTS
from bench.grids.finn_folding import Option
from bench.grids.foldings import Folding, FoldingTable
from bench.grids.grid import hyperparameters, precisions
from bench.grids.tables import EMULATED, FLOAT, Grid
from bench.networks import NETWORKS
from contract.architecture import Architecture

BitWidths = int | tuple[int, ...]
"""One number for all layers, or one for each; 0 where nothing is quantized."""


@dataclass(frozen=True)
class TrainSpec:
    """One training. Fields as in the `[train]` table of a grid, and what the network is."""

    network: str
    architecture: Architecture
    weight_bits: BitWidths
    act_bits: BitWidths
    seed: int
    epochs: int
    batch_size: int
    learning_rate: float
    milestones: tuple[int, ...]
    gamma: float
    dropout: float
    image_size: int
    train_images: int


@dataclass(frozen=True)
class ExportSpec:
    """How many test images are kept as golden inputs and outputs."""

    golden_images: int


@dataclass(frozen=True)
class BuildSpec:
    """One hardware build: PE and SIMD per layer, or the throughput to find them for; the target.

    `options` are what else a folding file chooses: layer, attribute, value.
    `oversized` says what becomes of a design that does not fit: `simulate` or `stop`.
    """

    folding: FoldingTable | None
    target_fps: float | None
    options: tuple[Option, ...]
    board: str
    part: str
    clock_mhz: float
    oversized: str


@dataclass(frozen=True)
class SizeSpec:
    """Nothing to choose: the smallest FIFOs that keep the interval."""


@dataclass(frozen=True)
class SimulateSpec:
    """How many test images run through the RTL; `exact` uses FINN's own modules throughout."""

    images: int
    exact: bool
    trace_images: int


@dataclass(frozen=True)
class SynthesizeSpec:
    """The target of the bitstream."""

    board: str
    part: str
    clock_mhz: float


@dataclass(frozen=True)
class MeasureSpec:
    """Which boards may measure, by name, and over how many images."""

    boards: tuple[str, ...]
    images: int

    @property
    def emulated(self) -> bool:
        """Whether it is the emulated board."""
        return self.boards == (EMULATED,)


StageSpec = (
    DatasetSpec
    | TrainSpec
    | ExportSpec
    | BuildSpec
    | SizeSpec
    | SimulateSpec
    | SynthesizeSpec
    | MeasureSpec
)


@dataclass(frozen=True)
class Training:
    """One training; as a point of its own, a reference that no hardware is built from."""

    dataset: DatasetSpec
    train: TrainSpec

    @cached_property
    def name(self) -> str:
        """Readable name, e.g. `tfc-mnist-w2a2-s1`."""
        train = self.train
        bits = FLOAT
        if train.weight_bits:
            bits = f"w{bits_text(train.weight_bits)}a{bits_text(train.act_bits)}"
        return f"{train.network}-{self.dataset.name}-{bits}-s{train.seed}".lower()

    @property
    def training_name(self) -> str:
        """The same."""
        return self.name

    @property
    def needs_bitstream(self) -> bool:
        """Never: nothing is built from it."""
        return False

    def spec(self, stage: str) -> StageSpec | None:
        """The spec of `stage`; None for those that are not part of a training."""
        specs: dict[str, StageSpec] = {"dataset": self.dataset, "train": self.train}
        return specs.get(stage)


@dataclass(frozen=True)
class Experiment:
    """One point of a grid: everything that decides its results."""

    dataset: DatasetSpec
    train: TrainSpec
    export: ExportSpec
    compile: BuildSpec
    size: SizeSpec
    simulate: SimulateSpec
    synthesize: SynthesizeSpec
    measure: MeasureSpec
    folding_name: str
    needs_bitstream: bool
    suffix: str = ""

    @cached_property
    def training(self) -> Training:
        """What it shares with the other foldings of one training."""
        return Training(self.dataset, self.train)

    @property
    def training_name(self) -> str:
        """Readable name of what one training serves, e.g. `tfc-mnist-w2a2-s1`."""
        return self.training.name

    @cached_property
    def name(self) -> str:
        """Readable name of the experiment, e.g. `tfc-mnist-w2a2-s1-low`; unique in a grid."""
        return f"{self.training_name}-{self.folding_name}{self.suffix}"

    def spec(self, stage: str) -> StageSpec:
        """The spec of `stage`, named as in `bench.stages`."""
        spec: StageSpec = getattr(self, stage)
        return spec


Point = Experiment | Training


def spec_as_json(spec: StageSpec) -> dict[str, Any]:
    """The spec as JSON values, ready for a key or a request."""
    values: dict[str, Any] = json.loads(json.dumps(asdict(spec)))
    return values


def bits_text(bits: BitWidths) -> str:
    """Bit widths for people: `4`, `8-2-2-8`, `float`."""
    return "-".join(map(str, bits)) if isinstance(bits, tuple) else str(bits or FLOAT)


def expand(grid: Grid) -> tuple[Experiment, ...]:
    """Every experiment of `grid`, trainings in the order written, foldings within each."""
    return tuple(_points(grid))


def references(grid: Grid) -> tuple[Training, ...]:
    """What `grid` trains for comparison only."""
    trainings = []
    for dataset, bits, seed in itertools.product(
        grid.train.dataset, grid.train.references, grid.train.seeds
    ):
        weight_bits, act_bits = (0, 0) if isinstance(bits, str) else bits
        spec = _train_spec(grid, weight_bits, act_bits, seed)
        trainings.append(Training(DATASETS[dataset].spec, spec))
    return tuple(trainings)


def _train_spec(grid: Grid, weight_bits: BitWidths, act_bits: BitWidths, seed: int) -> TrainSpec:
    train, settings = grid.train, hyperparameters(grid.train)
    return TrainSpec(
        network=train.network,
        architecture=NETWORKS[train.network].architecture,
        weight_bits=weight_bits,
        act_bits=act_bits,
        seed=seed,
        epochs=train.epochs,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        milestones=train.milestones,
        gamma=settings.gamma,
        dropout=settings.dropout,
        image_size=settings.image_size,
        train_images=train.train_images,
    )


def _build_spec(grid: Grid, folding: Folding, board: str) -> BuildSpec:
    return BuildSpec(
        folding=folding.layers,
        target_fps=folding.target_fps,
        options=folding.options,
        board=board,
        part=BOARD_PARTS[board],
        clock_mhz=grid.build.clock_mhz,
        oversized=grid.build.oversized,
    )


def _points(grid: Grid) -> Iterator[Experiment]:
    train, build, simulate = grid.train, grid.build, grid.simulate
    dimensions = itertools.product(
        train.dataset, precisions(train), train.seeds, grid.folds, build.board
    )
    for dataset, (weight_bits, act_bits), seed, folding, board in dimensions:
        yield Experiment(
            dataset=DATASETS[dataset].spec,
            train=_train_spec(grid, weight_bits, act_bits, seed),
            export=ExportSpec(grid.export.golden_images),
            compile=_build_spec(grid, folding, board),
            size=SizeSpec(),
            simulate=SimulateSpec(simulate.images, simulate.exact, simulate.trace_images),
            synthesize=SynthesizeSpec(board, BOARD_PARTS[board], build.clock_mhz),
            measure=MeasureSpec(tuple(sorted(grid.measure.board)), grid.measure.images),
            folding_name=folding.name,
            suffix=f"-{board.lower()}" if len(build.board) > 1 else "",
            needs_bitstream=grid.needs_bitstream,
        )
