"""The tables of an experiment file: every field with its range."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)

from bench.console.text import counted
from bench.grids.catalog import BIT_WIDTHS
from bench.grids.foldings import Folding
from bench.grids.names import HOST, IPV6, LONGEST, USER
from bench.grids.schema import Line, Means, Name, Table, disagree, matching

FLOAT = "float"
# The trained network's largest; what is built for an FPGA keeps to BIT_WIDTHS.
LARGEST_REFERENCE_BITS = 32
LARGEST_SEED = 2**63 - 1  # torch's
MOST_POINTS = 100_000
"""Of a grid, trained references included; more take hours to plan."""


def _which(value: Any) -> str:
    if isinstance(value, str):
        return "#name"
    return "#each" if isinstance(value, list | tuple) else "#one"


def _alone(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_BITS = f"a whole number from {BIT_WIDTHS.start} to {BIT_WIDTHS.stop - 1}"
_Bits = Annotated[int, Field(ge=BIT_WIDTHS.start, le=BIT_WIDTHS.stop - 1)]
_AnyBits = Annotated[int, Field(ge=BIT_WIDTHS.start, le=LARGEST_REFERENCE_BITS)]
Bits = Annotated[
    Annotated[_Bits, Tag("#one")] | Annotated[tuple[_Bits, ...], Tag("#each")],
    Discriminator(_which),
    Means(f"{_BITS}, or a list of one for each layer"),
]
Pair = Annotated[
    tuple[Bits, Bits],
    Means(f"[weights, activations], each {_BITS}, or a list of one for each layer"),
]
Reference = Annotated[
    Annotated[Literal["float"], Tag("#name")] | Annotated[tuple[_AnyBits, _AnyBits], Tag("#each")],
    Discriminator(_which),
    Means(f"'float', or [weights, activations], each from 2 to {LARGEST_REFERENCE_BITS}"),
]
Widths = int | tuple[int, ...]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Epoch = Annotated[int, Field(ge=1, le=10_000)]
# Two at least: from one image to the next is an interval.
Images = Annotated[int, Field(ge=2, le=10_000)]
Throughput = Annotated[float, Field(ge=0.001, le=1e9)]
Memory = Annotated[float, Field(ge=0.01, le=65_536)]
Minutes = Annotated[float, Field(gt=0, le=525_600)]
_SeveralNames = Annotated[tuple[Line, ...], Field(min_length=1)]
Names = Annotated[
    _SeveralNames,
    BeforeValidator(_alone, json_schema_input_type=Line | _SeveralNames),
    Means("a name, or a list of names"),
]
"""A name, or a list of them."""
FilePath = Annotated[
    str,
    AfterValidator(matching(r"[^\\\x00-\x1f\x7f]{1,1000}")),
    Means("the path of a file, with neither backslash nor control character"),
]
EMULATED = "emulated"


class TrainTable(Table):
    """`[train]`: networks to train, and how.

    `bits` are pairs [weights, activations], each a number for all layers or a list of one per
    layer; or every pair of `weight_bits` and `act_bits`. `references` are trained and no more.
    """

    network: Line
    dataset: Names
    bits: tuple[Pair, ...] = ()
    weight_bits: tuple[Bits, ...] = ()
    act_bits: tuple[Bits, ...] = ()
    references: tuple[Reference, ...] = ()
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)]
    epochs: Epoch
    milestones: tuple[Epoch, ...]
    batch_size: Annotated[int, Field(ge=2, le=60_000)] = 100
    learning_rate: Annotated[float, Field(gt=0, le=100)] = 0.01
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    image_size: Annotated[int, Field(ge=1, le=128)] = 32
    train_images: Annotated[int, Field(ge=0, le=60_000)] = 0

    @model_validator(mode="after")
    def _milestones_rise(self) -> Self:
        rising = all(one < other for one, other in pairwise(self.milestones))
        if not rising or any(epoch >= self.epochs for epoch in self.milestones):
            last = self.epochs - 1
            valid = f"rising epochs from 1 to {last:,}, or none: []" if last else "none: []"
            epochs = counted(self.epochs, "epoch is", "epochs are")
            what = f"= {list(self.milestones)}, and {epochs} trained"
            raise disagree("milestones", what, f"Give {valid}.")
        return self


class ExportTable(Table):
    """`[export]`: golden inputs and outputs to keep."""

    golden_images: Annotated[int, Field(ge=100, le=10_000)] = 100


class BuildTable(Table):
    """`[build]`: foldings, boards and their clock.

    `foldings` are names in foldings.toml, `target_fps` throughputs for which FINN searches one,
    `folding_files` JSON files beside the grid. With `oversized = "stop"`, a design that does not
    fit its part is not simulated.
    """

    foldings: tuple[Name, ...] = ()
    target_fps: tuple[Throughput, ...] = ()
    folding_files: tuple[FilePath, ...] = ()
    board: Names
    clock_mhz: Annotated[float, Field(ge=1, le=1000)]
    oversized: Literal["simulate", "stop"] = "simulate"

    @model_validator(mode="after")
    def _targets_are_within_the_clock(self) -> Self:
        most = self.clock_mhz * 1e6
        for fps in self.target_fps:
            if fps > most:
                what = f"= {fps:g}, and the clock has {most:,.0f} cycles per second"
                raise disagree("target_fps", what, "An image takes one cycle at least.")
        return self


class SimulateTable(Table):
    """`[simulate]`: test images through the RTL.

    `exact` takes FINN's own modules throughout; `trace_images` writes waveforms of so many images.
    """

    images: Images = 1000
    exact: bool = False
    trace_images: Annotated[int, Field(ge=0, le=10_000)] = 0

    @model_validator(mode="after")
    def _traced_images_are_simulated(self) -> Self:
        if self.trace_images > self.images:
            simulated = counted(self.images, "image is", "images are")
            what = f"= {self.trace_images:,}, and {simulated} simulated"
            raise disagree("trace_images", what, f"Give 0 to {self.images:,}, or more images.")
        return self


class MeasureTable(Table):
    """`[measure]`: the board that times the accelerator, and over how many images.

    `board` is "emulated", the name of one of `[[boards]]`, or several of those, all used at once.
    """

    board: Names = (EMULATED,)
    images: Images = 1000

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


class Grid(Table):
    """A whole experiment file, with the foldings it refers to."""

    name: Annotated[
        str,
        StringConstraints(pattern=rf"^[a-z0-9][a-z0-9_-]{{0,{LONGEST - 1}}}$"),
        Means(f"a name: at most {LONGEST} small letters, digits, '-' and '_', the first no sign"),
    ]
    train: TrainTable
    export: ExportTable = ExportTable()
    build: BuildTable
    simulate: SimulateTable = SimulateTable()
    measure: MeasureTable = MeasureTable()
    limits: LimitsTable = LimitsTable()
    boards: tuple[BoardTable, ...] = ()
    folds: tuple[Folding, ...] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _points_can_be_planned(self) -> Self:
        train, build = self.train, self.build
        pairs = len(train.bits) or len(train.weight_bits) * len(train.act_bits)
        designs = len(build.foldings) + len(build.target_fps) + len(build.folding_files)
        each_training = len(train.dataset) * len(train.seeds)
        points = each_training * (pairs * designs * len(build.board) + len(train.references))
        if points > MOST_POINTS:
            what = f"and the rest make {counted(points, 'point')}; a grid may have {MOST_POINTS:,}"
            raise disagree("train.seeds", what, "Split it into several files.")
        return self

    @property
    def needs_bitstream(self) -> bool:
        """Whether a real board is to measure."""
        real = {board.name for board in self.boards if not board.emulated}
        return not real.isdisjoint(self.measure.board)
