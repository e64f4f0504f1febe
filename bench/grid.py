"""Grids of experiments: a TOML file, checked field by field, with errors that name the remedy."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_core import ErrorDetails

from bench.catalog import BIT_WIDTHS, BOARD_PARTS, DATASET_CLASSES, NETWORKS, LayerShape
from bench.errors import ConfigError, did_you_mean

FOLDINGS_FILE = "foldings.toml"

Bits = Annotated[int, Field(ge=BIT_WIDTHS.start, lt=BIT_WIDTHS.stop)]
Count = Annotated[int, Field(ge=0)]
FoldingTable = tuple[tuple[PositiveInt, PositiveInt], ...]
EMULATED = "emulated"


class Table(BaseModel):
    """A table of the file: frozen, strictly typed, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class TrainTable(Table):
    """`[train]`: networks to train, and how. `bits` are [weights, activations]."""

    network: str
    dataset: str
    bits: Annotated[tuple[tuple[Bits, Bits], ...], Field(min_length=1)]
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
    """`[build]`: foldings by name (see foldings.toml), the board and its clock."""

    foldings: Annotated[tuple[str, ...], Field(min_length=1)]
    board: str
    clock_mhz: PositiveFloat


class SimulateTable(Table):
    """`[simulate]`: test images through the RTL."""

    images: PositiveInt = 1000
    exact: bool = False


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
    """`[limits]`: what one stage may take in a container. They change no result and no key."""

    memory_gib: PositiveFloat = 6.0
    processes: PositiveInt = 1024
    minutes: PositiveFloat = 360.0


class Grid(Table):
    """A whole experiment file, with the folding tables it refers to."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    train: TrainTable
    export: ExportTable = ExportTable()
    build: BuildTable
    simulate: SimulateTable = SimulateTable()
    measure: MeasureTable = MeasureTable()
    limits: LimitsTable = LimitsTable()
    boards: tuple[BoardTable, ...] = ()
    folding_tables: dict[str, FoldingTable] = Field(default={}, exclude=True)

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
    data = _read_toml(path)
    if "folding_tables" in data:
        raise ConfigError(f"{path}: foldings belong into {FOLDINGS_FILE}.", "Move them there.")
    try:
        # As JSON, since pydantic's strict mode then takes arrays for tuples.
        grid = Grid.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ConfigError(
            "\n".join(f"{path}: {_explain(details)}" for details in error.errors()),
            "Correct the file and rerun; nothing was started.",
        ) from None
    _check_name(path, "train.network", grid.train.network, NETWORKS)
    _check_name(path, "train.dataset", grid.train.dataset, DATASET_CLASSES)
    _check_name(path, "build.board", grid.build.board, BOARD_PARTS)
    _check_measure(path, grid)
    for field, values in (
        ("train.bits", grid.train.bits),
        ("train.seeds", grid.train.seeds),
        ("build.foldings", grid.build.foldings),
        ("measure.board", grid.measure.names),
        ("boards.name", [board.name for board in grid.boards]),
    ):
        if len(set(values)) < len(values):
            raise ConfigError(f"{path}: {field} names a value twice.", "Name each one once.")
    return grid.model_copy(update={"folding_tables": _load_foldings(path, grid)})


def _check_measure(path: Path, grid: Grid) -> None:
    names = {board.name for board in grid.boards}
    for name in grid.measure.names:
        _check_name(path, "measure.board", name, {EMULATED, *names})
    if EMULATED in names or (EMULATED in grid.measure.names and len(grid.measure.names) > 1):
        raise ConfigError(
            f"{path}: '{EMULATED}' stands alone: it is no board among [[boards]].",
            "Name real boards, or only the emulated one.",
        )


def _load_foldings(grid_path: Path, grid: Grid) -> dict[str, FoldingTable]:
    path = grid_path.parent / FOLDINGS_FILE
    tables = _read_toml(path).get(grid.train.network, {})
    layers = NETWORKS[grid.train.network].layers(
        grid.train.image_size, DATASET_CLASSES[grid.train.dataset]
    )
    chosen: dict[str, FoldingTable] = {}
    for name in grid.build.foldings:
        _check_name(grid_path, "build.foldings", name, tables)
        chosen[name] = _check_folding(path, name, tables[name], layers)
    return chosen


def _check_folding(
    path: Path, name: str, table: Any, layers: tuple[LayerShape, ...]
) -> FoldingTable:
    where = f"{path}: folding '{name}'"
    is_table = isinstance(table, list) and all(
        isinstance(row, list) and len(row) == 2 and all(type(n) is int and n > 0 for n in row)
        for row in table
    )
    if not is_table:
        raise ConfigError(f"{where} is not a list of [PE, SIMD] pairs.", "Write [[2, 8], ...].")
    if len(table) != len(layers):
        raise ConfigError(
            f"{where} has {len(table)} layers, the network has {len(layers)}.",
            "Give one [PE, SIMD] pair per layer.",
        )
    for number, ((pe, simd), layer) in enumerate(zip(table, layers, strict=True), start=1):
        for term, value, size, of in (
            ("PE", pe, layer.outputs, "outputs"),
            ("SIMD", simd, layer.inputs, "inputs"),
        ):
            if size % value:
                raise ConfigError(
                    f"{where}, layer {number}: {term} {value} does not divide its {size} {of}.",
                    f"{term} values that do: {', '.join(map(str, divisors(size)))}.",
                )
    return tuple((pe, simd) for pe, simd in table)


def divisors(number: int) -> list[int]:
    """All divisors of `number`, ascending."""
    return [value for value in range(1, number + 1) if number % value == 0]


def _check_name(path: Path, field: str, name: str, known: Any) -> None:
    if name not in known:
        raise ConfigError(f"{path}: {field} = '{name}' is not known.", did_you_mean(name, known))


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}.", "Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.", "Correct it.") from None


def _explain(details: ErrorDetails) -> str:
    """One validation error as a sentence, with the nearest valid name where there is one."""
    location = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        known = _model_at(details["loc"][:-1]).model_fields.keys() - {"folding_tables"}
        return f"unknown key '{location}'. {did_you_mean(str(details['loc'][-1]), known)}"
    if details["type"] == "missing":
        return f"the key '{location}' is missing."
    return f"{location} = {details['input']!r}: {details['msg']}."


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    model: type[BaseModel] = Grid
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
