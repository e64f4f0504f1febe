"""What an experiment is: one frozen spec per stage, so that a stage sees its own fields only."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.catalog import BOARD_PARTS
from bench.grid import EMULATED, Grid

Folding = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class DatasetSpec:
    """The data set, by name."""

    name: str


@dataclass(frozen=True)
class TrainSpec:
    """One training. Fields as in the `[train]` table of a grid."""

    network: str
    weight_bits: int
    act_bits: int
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
    """One hardware build: PE and SIMD per layer, and the target."""

    folding: Folding
    board: str
    part: str
    clock_ns: float


@dataclass(frozen=True)
class SimulateSpec:
    """How many test images run through the RTL; `exact` uses FINN's own modules throughout."""

    images: int
    exact: bool


@dataclass(frozen=True)
class SynthesizeSpec:
    """The target of the bitstream."""

    board: str
    part: str
    clock_ns: float


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
    DatasetSpec | TrainSpec | ExportSpec | BuildSpec | SimulateSpec | SynthesizeSpec | MeasureSpec
)


@dataclass(frozen=True)
class Experiment:
    """One point of a grid: everything that decides its results."""

    dataset: DatasetSpec
    train: TrainSpec
    export: ExportSpec
    compile: BuildSpec
    simulate: SimulateSpec
    synthesize: SynthesizeSpec
    measure: MeasureSpec
    folding_name: str
    needs_bitstream: bool

    @property
    def training_name(self) -> str:
        """Readable name of what one training serves, e.g. `tfc-mnist-w2a2-s1`."""
        train = self.train
        return (
            f"{train.network}-{self.dataset.name}-w{train.weight_bits}a{train.act_bits}"
            f"-s{train.seed}"
        ).lower()

    @property
    def name(self) -> str:
        """Readable name of the experiment, e.g. `tfc-mnist-w2a2-s1-low`; unique in a grid."""
        return f"{self.training_name}-{self.folding_name}"

    def spec(self, stage: str) -> StageSpec:
        """The spec of `stage`, named as in `bench.stages`."""
        spec: StageSpec = getattr(self, stage)
        return spec


def spec_as_json(spec: StageSpec) -> dict[str, Any]:
    """The spec as JSON values, ready for a key or a request."""
    return asdict(spec)


def expand(grid: Grid) -> tuple[Experiment, ...]:
    """Every experiment of `grid`, trainings in the order written, foldings within each."""
    return tuple(_points(grid))


def _points(grid: Grid) -> Iterator[Experiment]:
    train, build = grid.train, grid.build
    dimensions = itertools.product(train.bits, train.seeds, build.foldings)
    for (weight_bits, act_bits), seed, folding_name in dimensions:
        yield Experiment(
            dataset=DatasetSpec(train.dataset),
            train=TrainSpec(
                network=train.network,
                weight_bits=weight_bits,
                act_bits=act_bits,
                seed=seed,
                epochs=train.epochs,
                batch_size=train.batch_size,
                learning_rate=train.learning_rate,
                milestones=train.milestones,
                gamma=train.gamma,
                dropout=train.dropout,
                image_size=train.image_size,
                train_images=train.train_images,
            ),
            export=ExportSpec(grid.export.golden_images),
            compile=BuildSpec(
                folding=grid.folding_tables[folding_name],
                board=build.board,
                part=BOARD_PARTS[build.board],
                clock_ns=1000.0 / build.clock_mhz,
            ),
            simulate=SimulateSpec(grid.simulate.images, grid.simulate.exact),
            synthesize=SynthesizeSpec(
                build.board, BOARD_PARTS[build.board], 1000.0 / build.clock_mhz
            ),
            measure=MeasureSpec(tuple(sorted(grid.measure.names)), grid.measure.images),
            folding_name=folding_name,
            needs_bitstream=grid.needs_bitstream,
        )
