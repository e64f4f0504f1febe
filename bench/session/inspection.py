"""What `bench inspect` looks at: a grid, a network or a model, and what it takes to look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.datasets import DATASETS
from bench.errors import ConfigError, did_you_mean
from bench.flows import Flow, flow_named, up_to
from bench.flows.register import DEFAULT as DEFAULT_FLOW
from bench.grids.experiment import Point, expand, inspections, references
from bench.grids.grid import NO_GRIDS, grid_of, load_grid
from bench.grids.tables import Grid
from bench.input.reading import UnreadableFile, read_toml
from bench.networks import NETWORKS, is_own
from bench.paths import ROOT
from bench.pipeline import Forecast, Resolver, forecast, look_up, plan
from bench.pipeline.ensure import describe_host
from bench.session import runners
from bench.session.as_options import in_options
from bench.words import parse_widths
from contract.stage import Stage
from contract.stages import sample

GRIDS = ROOT / "experiments"
MODEL, GRID = ".onnx", ".toml"
DEFAULT_BITS = "4,4"
OPTIONS = {
    "train.network": "WHAT", "model.file": "WHAT", "train.bits": "--bits",
    "train.dataset": "--dataset", "model.dataset": "--dataset", "model.images": "--images",
    "build.foldings": "--folding", "build.folding_files": "--folding",
    "build.target_fps": "--folding", "build.board": "--board", "build.clock_mhz": "--clock",
}  # fmt: skip
"""What gives each key of the grid that `grid_asked` makes."""
RANDOM = "random"
"""What takes the place of a data set's name, where images are random."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for; of a grid, its own values count.

    Attributes:
        what: A network, an ONNX file or a grid.
        bits: Pairs of weight and activation bits, such as "4,4".
        dataset: Whose images a network takes; None for a usual one.
        images: An npz file with images for a model; None for random ones.
        foldings: Names, files or images per second.
        boards: To build for.
        clock_mhz: Clock to build for.
    """

    what: str
    bits: tuple[str, ...] = ()
    dataset: str | None = None
    images: str | None = None
    foldings: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    clock_mhz: float | None = None

    @property
    def of_a_grid(self) -> bool:
        """Whether a grid says everything."""
        return self.what.endswith(GRID)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is to be inspected.

    Attributes:
        points: Each network, with all its designs.
        stages: What it takes; the last one is the inspection.
    """

    grid: Grid
    points: tuple[Point, ...]
    stages: tuple[Stage, ...]


def inspection_of(asked: Asked) -> Subject:
    """The inspection of what `asked` names.

    Raises:
        ConfigError: It names nothing, or something that cannot be.
    """
    grid = grid_asked(asked)
    flow = flow_named(grid.flow)
    if not flow.inspection:
        raise ConfigError(f"{flow.title} inspects no networks.", "Run the grid.")
    return subject_of(asked, grid, flow.inspection)


def subject_of(
    asked: Asked, grid: Grid, looking: tuple[Stage, ...], more: Mapping[str, Any] | None = None
) -> Subject:
    """The networks of a grid, to be looked at.

    Args:
        asked: What `grid` is of.
        grid: Names them.
        looking: The stages that do it, for networks that are trained.
        more: What is asked of the last of them, by field.
    """
    stages = looking
    if grid.model is not None:
        stages = Flow.of_given(looking)
        if asked.images is None and asked.dataset is None and not asked.of_a_grid:
            stages = tuple(sample.STAGE if s.name == sample.STAGE.role else s for s in stages)
            stages = tuple(sorted(stages, key=lambda stage: stage.name != "model"))
    points = inspections(grid, stages, more)
    if sample.STAGE in stages:
        points = tuple(map(_of_random_images, points))
    return Subject(grid=grid, points=points, stages=stages)


def expected(subject: Subject, resolver: Resolver) -> Forecast | None:
    """What a run takes, inspections left out; without a folding, its training; None for neither."""
    grid = subject.grid
    if grid.folds:
        points, stages = (*expand(grid), *references(grid)), grid.stages
    else:
        stages = up_to("export", grid.stages)
        points = inspections(grid, stages)
        if grid.train is None:
            return None
    inspecting = flow_named(grid.flow).inspection
    stages = tuple(stage for stage in stages if stage not in inspecting)
    tasks = plan(points, stages)
    found = look_up(tasks, resolver, points)
    at_once = runners.available_cpus()
    return forecast(tasks, found, resolver.runners, at_once, None, describe_host())


def _of_random_images(point: Point) -> Point:
    labels = replace(point.labels, dataset=RANDOM)
    return replace(point, name=labels.of_network, training_name=labels.of_network, labels=labels)


def grid_asked(asked: Asked) -> Grid:
    """The grid that is named, or one of the network that is named."""
    if asked.of_a_grid:
        _refuse_beside_a_grid(asked)
        return load_grid(Path(asked.what))
    path, table = _as_table(asked)
    try:
        return grid_of(path, table, inspected=True)
    except ConfigError as error:
        raise in_options(error, path, OPTIONS, "Correct it; nothing was started.") from None


def _refuse_beside_a_grid(asked: Asked) -> None:
    said = {
        "--bits": asked.bits, "--dataset": asked.dataset, "--images": asked.images,
        "--folding": asked.foldings, "--board": asked.boards, "--clock": asked.clock_mhz,
    }  # fmt: skip
    if given := [option for option, value in said.items() if value]:
        raise ConfigError(
            f"{given[0]} cannot be combined with the grid {asked.what}, which says that itself.",
            "Leave it out, or name the network instead of the grid.",
        )


def _as_table(asked: Asked) -> tuple[Path, Mapping[str, Any]]:
    """An experiment file that says what is asked for, and where it would be."""
    build: dict[str, Any] = {"board": list(asked.boards) or ["Pynq-Z1"]}
    build["clock_mhz"] = asked.clock_mhz or 100.0
    build |= _foldings(asked.foldings)
    table: dict[str, Any] = {"name": "inspect", "flow": DEFAULT_FLOW, "build": build}
    if asked.what.endswith(MODEL):
        return _beside(asked.what), table | {"model": _model(asked)}
    folder = GRIDS / "inspect" if asked.what in NETWORKS else _beside(asked.what.split(":")[0])
    return folder, table | {"train": _train(asked)}


def _beside(file: str) -> Path:
    return Path(file).absolute().parent / "inspect"


def _model(asked: Asked) -> dict[str, Any]:
    if asked.bits:
        raise ConfigError("--bits is for networks; a model has its own.", "Leave it out.")
    # Without images, the data set named here is not looked at: random ones take its place.
    data = {"images": str(Path(asked.images).absolute())} if asked.images else {}
    data = data or {"dataset": _data(asked.dataset or next(iter(DATASETS)))}
    return {"file": Path(asked.what).name, **data}


def _train(asked: Asked) -> dict[str, Any]:
    if asked.images is not None:
        raise ConfigError("--images is for models.", "Name a network's data set with --dataset.")
    what = asked.what
    if is_own(what):
        what = Path(what).name
    elif what not in NETWORKS:
        raise ConfigError(
            f"'{asked.what}' is no network, no Python file with a function (my_net.py:build), no "
            f"ONNX file and no grid ({GRID}).",
            did_you_mean(what, NETWORKS),
        )
    return {
        "network": what,
        "dataset": _data(asked.dataset or _usual_dataset(what)),
        "bits": [_pair(pair) for pair in asked.bits or (DEFAULT_BITS,)],
        "seeds": [1],
        "epochs": 1,
        "milestones": [],
    }


def _data(said: str) -> str:
    """A data set by its name, or the file, wherever the experiment file would be."""
    return said if said in DATASETS or not said.endswith(".npz") else str(Path(said).absolute())


def _usual_dataset(network: str) -> str:
    """What the first grid of the project trains it on; else the first data set there is."""
    for path in sorted(GRIDS.glob(f"*{GRID}")):
        if path.name in NO_GRIDS:
            continue
        try:
            train = read_toml(path).get("train", {})
        except (ConfigError, UnreadableFile):
            continue
        named = train.get("dataset") if train.get("network") == network else None
        name = named[0] if isinstance(named, list) and named else named
        if name in DATASETS:
            return str(name)
    return next(iter(DATASETS))


def _pair(text: str) -> list[Any]:
    try:
        weights, acts = (parse_widths(part) for part in text.split(","))
    except ValueError:
        raise ConfigError(
            f"--bits {text} is no pair of bit widths.",
            "Give weights and activations, such as 4,4, or a width for each layer: 8-4-4-8,4.",
        ) from None
    return [list(w) if isinstance(w, tuple) else w for w in (weights, acts)]


def _foldings(said: tuple[str, ...]) -> dict[str, Any]:
    """Sorts them into the keys of a grid."""
    found: dict[str, list[Any]] = {"foldings": [], "folding_files": [], "target_fps": []}
    for folding in said:
        for key, value in _folding(folding):
            found[key].append(value)
    return {key: values for key, values in found.items() if values}


def _folding(said: str) -> Iterator[tuple[str, Any]]:
    if said.endswith(".json"):
        yield "folding_files", str(Path(said).absolute())
        return
    try:
        yield "target_fps", float(said)
    except ValueError:
        yield "foldings", said
