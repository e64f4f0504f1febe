"""The tables of an experiment file.

What spans a grid (networks, bit widths, foldings, boards) stands here. The parameters of a stage
are declared with the stage, and its table is made of both.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from bench.console.text import counted
from bench.flows import Flow, Folding, flow_named
from bench.flows.register import DEFAULT as DEFAULT_FLOW
from bench.grids.values import (
    Bits,
    FilePath,
    Memory,
    Minutes,
    Names,
    Pair,
    Reference,
    Seed,
    Throughput,
)
from bench.input.given import GivenFile
from bench.input.names import HOST, IPV6, LONGEST, USER
from bench.input.schema import FoldingName, Line, Table, disagree, lacking, matching
from bench.networks import NETWORKS, Network
from contract.fields import Key, Means, Misfit, key_of, keys
from contract.finn.cores import CORES, Core
from contract.finn.goal import DEFAULT_SHARE
from contract.finn.measure import EMULATED
from contract.stage import Stage
from contract.stages.dataset import DatasetSpec

MOST_POINTS = 100_000
"""Of a grid, trained references included; more take hours to plan."""


class Keys(Table):
    """The keys of some stages, each checked by its own declaration."""

    specs: ClassVar[tuple[type, ...]] = ()

    if TYPE_CHECKING:

        def __getattr__(self, key: str) -> Any:
            """The keys that stages declare."""

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        for spec in self.specs:
            check = getattr(spec, "check", None)
            if check is not None:
                try:
                    check(self)
                except Misfit as misfit:
                    raise disagree(misfit.field, misfit.what, misfit.remedy) from None
        return self


class TrainTable(Keys):
    """`[train]`: networks to train, and how.

    Bit widths are given as pairs, or as every pair of `weight_bits` and `act_bits`.
    """

    network: Annotated[
        Line, Key("The network: a name, or a Python file and its function, `my_net.py:build`.")
    ]
    dataset: Annotated[Names, Key("The data sets.")]
    bits: Annotated[
        tuple[Pair, ...],
        Key("Pairs [weights, activations], each a number for all layers or a list of one each."),
    ] = ()
    weight_bits: Annotated[tuple[Bits, ...], Key("Every pair of these with `act_bits`.")] = ()
    act_bits: Annotated[tuple[Bits, ...], Key("See `weight_bits`.")] = ()
    references: Annotated[
        tuple[Reference, ...], Key("Precisions that are trained for comparison, and no more.")
    ] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Key("Of each training, one run each.")]
    _own: Network | None = PrivateAttr(default=None)

    @property
    def made(self) -> Network:
        """The network, a declared one or that of a file of the user's."""
        return self._own or NETWORKS[self.network]

    def made_by(self, own: Network) -> Self:
        """With the network that the file has which `network` names."""
        table = self.model_copy()
        table._own = own
        return table


class ModelTable(Keys):
    """`[model]`: a trained model of your own, in the place of `[train]`.

    It is checked with the test images of `dataset`, or those in the file `images`.
    """

    file: Annotated[FilePath, Key("The ONNX file, beside the experiment file.")]
    dataset: Annotated[Line | None, Key("A data set, whose test images are taken.")] = None
    images: Annotated[
        FilePath | None,
        Key("An npz file with test images of your own, beside the experiment file."),
    ] = None

    @model_validator(mode="after")
    def _images_are_named_once(self) -> Self:
        if self.dataset is None and self.images is None:
            raise disagree("dataset", "and model.images are missing", "Give one of them.")
        if self.dataset is not None and self.images is not None:
            raise disagree("images", "is given beside model.dataset", "Give one of them.")
        return self


class BuildTable(Keys):
    """`[build]`: foldings, boards and their clock."""

    foldings: Annotated[
        tuple[FoldingName, ...],
        Key(
            'Names in foldings.toml, or what is searched for: "fastest", "balanced", or '
            '"smallest:1024" with the cycles per image.'
        ),
    ] = ()
    target_fps: Annotated[
        tuple[Throughput, ...], Key("Images per second for which a folding is searched.")
    ] = ()
    folding_files: Annotated[tuple[FilePath, ...], Key("Foldings in files beside the grid.")] = ()
    share: Annotated[
        float,
        Field(gt=0, le=1),
        Key("Of each of the part's resources, the most that a design that is searched for takes."),
    ] = DEFAULT_SHARE
    cores: Annotated[
        tuple[Core, ...],
        Field(min_length=1),
        Key("What a design that is searched for may multiply in."),
    ] = CORES
    board: Annotated[Names, Key("The boards to build for.")]

    @model_validator(mode="after")
    def _targets_are_within_the_clock(self) -> Self:
        most = getattr(self, "clock_mhz", math.inf) * 1e6
        for fps in self.target_fps:
            if fps > most:
                what = f"= {fps:g}, and the clock has {most:,.0f} cycles per second"
                raise disagree("target_fps", what, "An image takes one cycle at least.")
        return self


class MeasureTable(Keys):
    """`[measure]`: the board that times the accelerator, and over how many images."""

    board: Annotated[
        Names, Key('"emulated-board", one of `[[boards]]`, or several of those, all used at once.')
    ] = (EMULATED,)

    @property
    def emulated(self) -> bool:
        """Whether the emulated board of this machine measures."""
        return self.board == (EMULATED,)


class BoardTable(Table):
    """`[[boards]]`: a board that SSH reaches."""

    name: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z0-9\[_][A-Za-z0-9_.:@%$\[\]-]{0,399}$"),
        Means("a name: at most 400 letters, digits and signs of . _ : @ % $ -"),
        Field(description="What `measure.board` calls it."),
    ]
    address: Annotated[
        str,
        AfterValidator(matching(f"{HOST}|{IPV6}")),
        Means("the name or address of a machine"),
        Field(description="Where its SSH server is."),
    ]
    user: Annotated[
        str,
        AfterValidator(matching(USER)),
        Means("the name of a user"),
        Field(description="Who logs in."),
    ] = "xilinx"
    port: Annotated[int, Field(ge=1, le=65535, description="The port of its SSH server.")] = 22
    key: Annotated[
        Line | None,
        Field(description="A private key file; by default the agent's keys and the usual files."),
    ] = None
    emulated: Annotated[bool, Field(description="Whether it is a `bench board serve`.")] = False


class LimitsTable(Table):
    """`[limits]`: what one stage may take. They change no result and no key."""

    memory_gib: Annotated[Memory, Field(description="Memory of a stage.")] = 6.0
    processes: Annotated[
        int, Field(ge=1, le=4_194_304, description="Processes of a stage; in containers only.")
    ] = 1024
    minutes: Annotated[Minutes, Field(description="Time of a stage.")] = 360.0
    vivado_memory_gib: Annotated[Memory, Field(description="Memory of `synthesize`.")] = 16.0
    vivado_minutes: Annotated[Minutes, Field(description="Time of `synthesize`.")] = 300.0


_WRITE_ONE = "Write [train] to train a network, or [model] for one of your own."


class Grid(Table):
    """A whole experiment file, with the foldings it refers to; as `grid_model` completes it."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [table]} for table in ("train", "model")]}
    )

    name: Annotated[
        str,
        StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,{LONGEST - 1}}}$"),
        Means(f"a name: at most {LONGEST} small letters, digits, '-' and '_', the first no sign"),
        Key("Of the grid and its report."),
    ]
    flow: Annotated[Line, Key("The flow from a trained model to a measured one.")] = DEFAULT_FLOW
    train: TrainTable | None = None
    model: ModelTable | None = None
    build: BuildTable
    measure: MeasureTable = MeasureTable()
    limits: LimitsTable = LimitsTable()
    boards: tuple[BoardTable, ...] = ()
    folds: tuple[Folding, ...] = Field(default=(), exclude=True)
    files: tuple[GivenFile, ...] = Field(default=(), exclude=True)
    data: tuple[DatasetSpec, ...] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _designs_are_of_one_thing(self) -> Self:
        if self.train is not None and self.model is not None:
            raise disagree("train", "and model are both given", _WRITE_ONE)
        return self

    @field_validator("model", mode="after")
    @classmethod
    def _designs_are_of_something(
        cls, model: ModelTable | None, info: ValidationInfo
    ) -> ModelTable | None:
        """Said of a field, not of the whole, so that whatever else is missing is said, too."""
        # A `train` that is wrong is not among the data.
        if model is None and info.data.get("train", "wrong") is None:
            raise lacking("train and model are missing", _WRITE_ONE)
        return model

    @model_validator(mode="after")
    def _points_can_be_planned(self) -> Self:
        train, build = self.train, self.build
        designs = len(build.foldings) + len(build.target_fps) + len(build.folding_files)
        points, where = designs * len(build.board), "build.foldings"
        if train is not None:
            pairs = len(train.bits) or len(train.weight_bits) * len(train.act_bits)
            each_training = len(train.dataset) * len(train.seeds)
            points, where = each_training * (pairs * points + len(train.references)), "train.seeds"
        if points > MOST_POINTS:
            what = f"and the rest make {counted(points, 'point')}; a grid may have {MOST_POINTS:,}"
            raise disagree(where, what, "Split it into several files.")
        return self

    if TYPE_CHECKING:

        def __getattr__(self, table: str) -> Any:
            """The tables of the flow's stages."""

    @property
    def network(self) -> str:
        """The network that is trained, or the model's name, that of its file."""
        if self.train is not None:
            return self.train.made.name
        return PurePath(self.model.file).stem if self.model else ""

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets, as they are named: by name, or by the path of a file."""
        if self.train is not None:
            return tuple(self.train.dataset)
        return (self.model.dataset or self.model.images or "",) if self.model else ()

    @property
    def where_data(self) -> str:
        """The key that names them."""
        if self.train is not None:
            return "train.dataset"
        return "model.images" if self.model and self.model.images else "model.dataset"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of its points."""
        flow = flow_named(self.flow)
        return flow.of_model if self.train is None else flow.of_training

    @property
    def is_complete(self) -> bool:
        """Whether all files of the user's are there that it names; see `load_grid`."""
        return all(file.sha256 for file in self.files) and all(
            data.checksums for data in self.data if data.given
        )

    @property
    def paths(self) -> dict[str, Path]:
        """Where the user's own files are that it names, by SHA-256."""
        return {file.sha256: file.path.absolute() for file in self.files}

    @property
    def needs_bitstream(self) -> bool:
        """Whether a real board is to measure."""
        real = {board.name for board in self.boards if not board.emulated}
        return not real.isdisjoint(self.measure.board)

    def table(self, stage: Stage) -> Any:
        """The table with the keys of `stage`; None where it has none."""
        return getattr(self, stage.table or stage.name, None)

    def with_keys(self, stage: Stage, **values: Any) -> Self:
        """With other values of keys of `stage`, checked as those of a file are."""
        table = self.table(stage)
        changed = table.model_copy(update=dict(type(table).model_validate(dict(table) | values)))
        return self.model_copy(update={stage.table or stage.name: changed})


_ONE_OF = ("train", "model")


@functools.cache
def grid_model(flow: Flow) -> type[Grid]:
    """What an experiment file for `flow` may say."""
    spans: dict[str, type[Keys]] = {
        "train": TrainTable,
        "model": ModelTable,
        "build": BuildTable,
        "measure": MeasureTable,
    }
    specs: dict[str, list[type]] = {name: [] for name in spans}
    for stage in flow.all_stages:
        specs.setdefault(stage.table or stage.name, []).append(stage.spec)
    tables: dict[str, Any] = {}
    for name, of_table in specs.items():
        table = _table(name, spans.get(name, Keys), of_table)
        if table.model_fields:
            required = any(field.is_required() for field in table.model_fields.values())
            if name in _ONE_OF:
                # Also looked at where it is left out: see `_designs_are_of_something`.
                tables[name] = (table | None, Field(default=None, validate_default=True))
            else:
                tables[name] = (table, ...) if required else (table, table())
    return create_model("Grid", __base__=Grid, __doc__=Grid.__doc__, **tables)


def _table(name: str, base: type[Keys], specs: Sequence[type]) -> type[Keys]:
    """The table `name`: what `base` has, and the keys of `specs`."""
    fields: dict[str, Any] = {}
    for spec in specs:
        defaults = {field.name: field.default for field in dataclasses.fields(spec)}
        for key, annotation in keys(spec).items():
            default = defaults[key]
            mark = key_of(annotation)
            if mark.inferred:
                fields[key] = (Annotated[annotation | None, mark], None)
            else:
                fields[key] = (annotation, ... if default is dataclasses.MISSING else default)
    about = base.__doc__ if base is not Keys else f"`[{name}]`: parameters of the stage."
    model: type[Keys] = create_model(
        f"{name.capitalize()}Table", __base__=base, __doc__=about, **fields
    )
    model.specs = tuple(specs)
    return model
