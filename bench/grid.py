"""Grids of experiments: a TOML file, checked field by field, with errors that name the remedy."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    ValidationError,
)
from pydantic_core import ErrorDetails

from bench import foldings
from bench.catalog import BIT_WIDTHS, BOARD_PARTS, DATASET_CLASSES, NETWORKS, LayerShape
from bench.errors import ConfigError, did_you_mean
from bench.foldings import Folding
from bench.reading import read_toml

FOLDINGS_FILE, CLAIMS_FILE = "foldings.toml", "claims.toml"
NO_GRIDS = (FOLDINGS_FILE, CLAIMS_FILE)
"""Files beside grids that are none."""

FLOAT = "float"
# The trained network's largest; what is built for an FPGA keeps to BIT_WIDTHS.
LARGEST_REFERENCE_BITS = 32


def _which(value: Any) -> str:
    if isinstance(value, str):
        return "#name"
    return "#each" if isinstance(value, list | tuple) else "#one"


BITS_KEYS = ("bits", "weight_bits", "act_bits")
_Bits = Annotated[int, Field(ge=BIT_WIDTHS.start, lt=BIT_WIDTHS.stop)]
_AnyBits = Annotated[int, Field(ge=BIT_WIDTHS.start, le=LARGEST_REFERENCE_BITS)]
Bits = Annotated[
    Annotated[_Bits, Tag("#one")] | Annotated[tuple[_Bits, ...], Tag("#each")],
    Discriminator(_which),
]
Reference = Annotated[
    Annotated[Literal["float"], Tag("#name")] | Annotated[tuple[_AnyBits, _AnyBits], Tag("#each")],
    Discriminator(_which),
]
Widths = int | tuple[int, ...]
Count = Annotated[int, Field(ge=0)]
Names = Annotated[tuple[str, ...], Field(min_length=1)]
EMULATED = "emulated"


class Table(BaseModel):
    """A table of the file: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TrainTable(Table):
    """`[train]`: networks to train, and how.

    `bits` are pairs [weights, activations], each a number for all layers or a list of one per
    layer; or every pair of `weight_bits` and `act_bits`. `references` are trained and no more.
    """

    network: str
    dataset: Names
    bits: tuple[tuple[Bits, Bits], ...] = ()
    weight_bits: tuple[Bits, ...] = ()
    act_bits: tuple[Bits, ...] = ()
    references: tuple[Reference, ...] = ()
    seeds: Annotated[tuple[Count, ...], Field(min_length=1)]
    epochs: PositiveInt
    milestones: tuple[PositiveInt, ...]
    batch_size: PositiveInt = 100
    learning_rate: PositiveFloat = 0.01
    gamma: PositiveFloat = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    image_size: PositiveInt = 32
    train_images: Count = 0


class ExportTable(Table):
    """`[export]`: golden inputs and outputs to keep."""

    golden_images: Annotated[int, Field(ge=100)] = 100


class BuildTable(Table):
    """`[build]`: foldings, boards and their clock.

    `foldings` are names in foldings.toml, `target_fps` throughputs for which FINN searches one,
    `folding_files` JSON files beside the grid. With `oversized = "stop"`, a design that does not
    fit its part is not simulated.
    """

    foldings: tuple[str, ...] = ()
    target_fps: tuple[PositiveFloat, ...] = ()
    folding_files: tuple[str, ...] = ()
    board: Names
    clock_mhz: PositiveFloat
    oversized: Literal["simulate", "stop"] = "simulate"


class SimulateTable(Table):
    """`[simulate]`: test images through the RTL.

    `exact` takes FINN's own modules throughout; `trace_images` writes waveforms of so many images.
    """

    images: PositiveInt = 1000
    exact: bool = False
    trace_images: Count = 0


class MeasureTable(Table):
    """`[measure]`: the board that times the accelerator, and over how many images.

    `board` is "emulated", the name of one of `[[boards]]`, or several of those, all used at once.
    """

    board: str | Annotated[tuple[str, ...], Field(min_length=1)] = EMULATED
    images: PositiveInt = 1000

    @property
    def names(self) -> tuple[str, ...]:
        """The boards' names."""
        return (self.board,) if isinstance(self.board, str) else self.board

    @property
    def emulated(self) -> bool:
        """Whether the emulated board of this machine measures."""
        return self.names == (EMULATED,)


class BoardTable(Table):
    """`[[boards]]`: a board that SSH reaches.

    `key` is a private key file, by default the usual ones and the agent's. `emulated` says that
    `bench board serve` answers there.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:@-]*$")]
    address: Annotated[str, Field(min_length=1)]
    user: Annotated[str, Field(min_length=1)] = "xilinx"
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    key: str = ""
    emulated: bool = False


class LimitsTable(Table):
    """`[limits]`: what one stage may take. They change no result and no key.

    Those that begin with `vivado` are for `synthesize`; `processes` holds in containers only.
    """

    memory_gib: PositiveFloat = 6.0
    processes: PositiveInt = 1024
    minutes: PositiveFloat = 360.0
    vivado_memory_gib: PositiveFloat = 16.0
    vivado_minutes: PositiveFloat = 300.0


class Grid(Table):
    """A whole experiment file, with the foldings it refers to."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    train: TrainTable
    export: ExportTable = ExportTable()
    build: BuildTable
    simulate: SimulateTable = SimulateTable()
    measure: MeasureTable = MeasureTable()
    limits: LimitsTable = LimitsTable()
    boards: tuple[BoardTable, ...] = ()
    folds: tuple[Folding, ...] = Field(default=(), exclude=True)

    @property
    def needs_bitstream(self) -> bool:
        """Whether a real board is to measure."""
        real = {board.name for board in self.boards if not board.emulated}
        return not real.isdisjoint(self.measure.names)


def load_grid(path: Path) -> Grid:
    """The grid in `path`; foldings come from `foldings.toml` beside it.

    Raises:
        ConfigError: The file is missing, is not TOML, or says something that cannot be.
    """
    data = read_toml(path)
    if "folds" in data:
        raise ConfigError(f"{path}: foldings belong into {FOLDINGS_FILE}.", "Move them there.")
    for table, key in (("train", "dataset"), ("build", "board")):
        value = data.get(table, {})
        if isinstance(value, dict) and isinstance(value.get(key), str):
            value[key] = [value[key]]
    try:
        # As JSON, since pydantic's strict mode then takes arrays for tuples.
        grid = Grid.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ConfigError(
            "\n".join(f"{path}: {explain(details)}" for details in error.errors()),
            "Correct the file and rerun; nothing was started.",
        ) from None
    train, build = grid.train, grid.build
    _check_names(path, "train.network", [train.network], NETWORKS)
    _check_names(path, "train.dataset", train.dataset, DATASET_CLASSES)
    _check_names(path, "build.board", build.board, BOARD_PARTS)
    _check_measure(path, grid)
    _check_no_twins(path, grid)
    _check_bits(path, train)
    return grid.model_copy(update={"folds": _load_foldings(path, grid)})


def precisions(train: TrainTable) -> tuple[tuple[Widths, Widths], ...]:
    """Every pair of weight and activation bits; a list of equal numbers becomes one number."""
    return tuple((_plain(weights), _plain(acts)) for weights, acts in _pairs(train))


def _pairs(train: TrainTable) -> Iterable[tuple[Widths, Widths]]:
    return train.bits or [(w, a) for w in train.weight_bits for a in train.act_bits]


def _plain(bits: Widths) -> Widths:
    return bits[0] if isinstance(bits, tuple) and len(set(bits)) == 1 else bits


def _check_no_twins(path: Path, grid: Grid) -> None:
    train, build = grid.train, grid.build
    for field, values in (
        ("train.dataset", train.dataset),
        ("train.bits", precisions(train)),
        ("train.references", train.references),
        ("train.seeds", train.seeds),
        ("build.foldings", build.foldings),
        ("build.target_fps", build.target_fps),
        ("build.board", build.board),
        ("measure.board", grid.measure.names),
        ("boards.name", [board.name for board in grid.boards]),
    ):
        if len(set(values)) < len(values):
            raise ConfigError(f"{path}: {field} names a value twice.", "Name each one once.")


def _check_measure(path: Path, grid: Grid) -> None:
    names = {board.name for board in grid.boards}
    _check_names(path, "measure.board", grid.measure.names, {EMULATED, *names})
    if EMULATED in names or (EMULATED in grid.measure.names and len(grid.measure.names) > 1):
        raise ConfigError(
            f"{path}: '{EMULATED}' stands alone: it is no board among [[boards]].",
            "Name real boards, or only the emulated one.",
        )


def _check_bits(path: Path, train: TrainTable) -> None:
    product = bool(train.weight_bits and train.act_bits)
    if bool(train.bits) == product or bool(train.weight_bits) != bool(train.act_bits):
        raise ConfigError(
            f"{path}: bit widths are given {'twice' if train.bits else 'not at all or by half'}.",
            "Give train.bits = [[weights, activations], ...], or both train.weight_bits and "
            "train.act_bits for every pair of them.",
        )
    weights = len(NETWORKS[train.network].hidden) + 1
    for pair in _pairs(train):
        for of, bits, count in zip(("weight", "activation"), pair, (weights, weights - 1)):  # noqa: B905
            if isinstance(bits, tuple) and len(bits) != count:
                raise ConfigError(
                    f"{path}: {len(bits)} {of} bit widths are given, {train.network} has {count}.",
                    f"Give one number for all, or {count} of them.",
                )


def _load_foldings(path: Path, grid: Grid) -> tuple[Folding, ...]:
    """The foldings of `grid`, each checked against the network for every data set."""
    beside = path.parent / FOLDINGS_FILE
    build, network = grid.build, grid.train.network
    tables = read_toml(beside).get(network, {}) if build.foldings else {}
    _check_names(path, "build.foldings", build.foldings, tables)
    found: dict[str, Folding] = {}
    for dataset in grid.train.dataset:
        layers: tuple[LayerShape, ...] = NETWORKS[network].layers(
            grid.train.image_size, DATASET_CLASSES[dataset]
        )
        choices = [foldings.named(beside, name, tables[name], layers) for name in build.foldings]
        files = (path.parent / name for name in build.folding_files)
        choices += [foldings.from_file(file, layers) for file in files]
        choices += [
            foldings.for_throughput(f"{path}: build.target_fps", fps, build.clock_mhz)
            for fps in build.target_fps
        ]
        if len({choice.name for choice in choices}) < len(choices):
            raise ConfigError(f"{path}: two foldings share a name.", "Rename one of the files.")
        found |= {choice.name: choice for choice in choices}
    if not found:
        raise ConfigError(
            f"{path}: build names no folding.",
            f"Give build.foldings (see {FOLDINGS_FILE}), build.target_fps or build.folding_files.",
        )
    return tuple(found.values())


def _check_names(path: Path, field: str, names: Iterable[str], known: Any) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{path}: {field} = '{name}' is not known.", did_you_mean(name, known)
            )


def explain(details: ErrorDetails, root: type[BaseModel] | None = None) -> str:
    """One validation error as a sentence, with the nearest valid name where there is one.

    Args:
        details: The error, as pydantic gives it.
        root: The model that was validated; default: the grid.
    """
    parts = [part for part in details["loc"] if not str(part).startswith("#")]
    location = ".".join(str(part) for part in parts)
    if details["type"] == "extra_forbidden":
        known = _model_at(parts[:-1], root or Grid).model_fields.keys() - {"folds"}
        return f"unknown key '{location}'. {did_you_mean(str(parts[-1]), known)}"
    if details["type"] == "missing":
        return f"the key '{location}' is missing."
    if details["type"] == "literal_error":
        valid = re.findall(r"'([^']+)'", details["ctx"]["expected"])
        hint = did_you_mean(str(details["input"]), valid)
        return f"{location} = '{details['input']}' is not known. {hint}"
    if details["type"] == "union_tag_invalid":
        return f"{location} = {details['input']!r} is not known. Give numbers of bits."
    is_bits = details["loc"][:2] in {("train", name) for name in BITS_KEYS}
    if is_bits and details["type"] in ("greater_than_equal", "less_than"):
        widths = f"{BIT_WIDTHS.start} to {BIT_WIDTHS.stop - 1}"
        return f"{location} = {details['input']!r}: bit widths are whole numbers from {widths}."
    return f"{location} = {details['input']!r}: {details['msg']}."


def _model_at(location: list[int | str], model: type[BaseModel]) -> type[BaseModel]:
    for part in location:
        if isinstance(part, int):
            continue  # of the items of an array, all are alike
        annotation = model.model_fields[part].annotation
        if get_origin(annotation) is tuple:
            annotation = get_args(annotation)[0]
        assert isinstance(annotation, type)
        assert issubclass(annotation, BaseModel)
        model = annotation
    return model
