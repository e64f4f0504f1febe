"""Grids of experiments: a TOML file, checked field by field, with errors that name the remedy."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.console.text import shown
from bench.errors import ConfigError, did_you_mean
from bench.flows import FLOWS, Flow, Folding, flow_named
from bench.flows.register import DEFAULT as DEFAULT_FLOW
from bench.grids.choices import check_names, repeated
from bench.grids.given import with_files, with_network
from bench.grids.tables import Grid, TrainTable, Widths, grid_model
from bench.input.names import require_file_name, require_name
from bench.input.reading import UnreadableFile, read_toml
from bench.input.schema import validated
from bench.networks import Defaults, Network
from contract.architecture import ArchitectureError, LayerShape
from contract.fields import key_of, keys, least_of
from contract.finn.measure import EMULATED
from contract.stages.dataset import PIXELS, DatasetSpec, resized

FOLDINGS_FILE, CLAIMS_FILE = "foldings.toml", "claims.toml"
NO_GRIDS = (FOLDINGS_FILE, CLAIMS_FILE)
"""Files beside grids that are not grids."""


def load_grid(path: Path, *, absent: bool = False) -> Grid:
    """The grid in `path`; foldings come from `foldings.toml` beside it.

    See `grid_of`.
    """
    return grid_of(path, read_toml(require_file_name(path)), absent=absent)


def grid_of(
    path: Path, data: Mapping[str, Any], *, absent: bool = False, inspected: bool = False
) -> Grid:
    """The grid that `data` says, as if it were in the experiment file `path`.

    Args:
        path: The experiment file.
        absent: Whether a model or data of the user's may be missing: points then have their names,
            and no artifacts.
        data: What the file says.
        inspected: Whether it is looked at only: it may then name no folding, or more images than
            there are.

    Raises:
        MissingFile: A model, or data, are not there.
        ConfigError: The file is missing, is not TOML, or says something that cannot be.
    """
    if "folds" in data:
        raise ConfigError(
            f"{path}: folds: foldings belong into {FOLDINGS_FILE}.", "Move them there."
        )
    for name in ("files", "data"):
        if name in data:
            raise ConfigError(
                f"{path}: {name} is no key of a grid.", "Name each file where it is used."
            )
    flow = _flow(path, data.get("flow", DEFAULT_FLOW))
    remedy = "Correct the file and rerun; nothing was started."
    grid = validated(grid_model(flow), data, f"{path}: ", remedy)
    grid = with_network(path, grid)
    train = grid.train
    _check_tables(path, grid)
    grid = with_files(path, grid, absent=absent)
    check_names(path, "build.board", grid.build.board, flow.boards)
    _check_measure(path, grid)
    _check_no_twins(path, grid)
    if train is not None:
        _check_bits(path, train)
    if not inspected:
        check_images(path, grid)
    if train is not None:
        _check_shapes(path, grid, train)
    folds = _load_foldings(path, grid, flow)
    if not folds and not inspected:
        raise ConfigError(
            f"{path}: build names no folding.",
            f"Give build.foldings (see {FOLDINGS_FILE}), build.target_fps or build.folding_files.",
        )
    return grid.model_copy(update={"folds": folds})


def _check_tables(path: Path, grid: Grid) -> None:
    """No table may be of a stage that no point has."""
    flow = flow_named(grid.flow)
    known = {stage.table or stage.name for stage in grid.stages}
    for stage in flow.all_stages:
        table = stage.table or stage.name
        if table not in known and table in grid.model_fields_set - {"train", "model"}:
            raise ConfigError(
                f"{path}: [{table}] is of stage '{stage.name}', which this grid does not have.",
                f"Delete it; [{'train' if grid.model else 'model'}] is what would need it.",
            )


def _flow(path: Path, name: object) -> Flow:
    if not isinstance(name, str) or name not in FLOWS:
        raise ConfigError(
            f"{path}: flow = {shown(name)} is not known.", did_you_mean(str(name), FLOWS)
        )
    return flow_named(name)


def hyperparameters(train: TrainTable) -> Defaults:
    """What is said of the training; what is not, the network's file says."""
    defaults = asdict(train.made.defaults)
    given = {name: getattr(train, name) for name in defaults}
    return Defaults(**defaults | {name: said for name, said in given.items() if said is not None})


def known_layers(grid: Grid) -> list[tuple[LayerShape, ...] | None]:
    """The layers with weights, as `layers`, for each data set on which they differ."""
    if grid.train is None:
        return [None]
    return [*dict.fromkeys(layers(grid.train, data) for data in grid.data)]


def layers(train: TrainTable, data: DatasetSpec) -> tuple[LayerShape, ...] | None:
    """The layers with weights of the network, trained on `data`; None where nobody knows yet.

    Raises:
        ArchitectureError: The network cannot take its images.
    """
    if not data.checksums:  # its file is absent
        return None
    image = resized(data.shape, hyperparameters(train).image_size)
    return train.made.shapes(image, data.classes)


def precisions(train: TrainTable) -> tuple[tuple[Widths, Widths], ...]:
    """Every pair of weight and activation bits; a list of equal numbers becomes one number.

    A function of the user's is given a list as it is written, but for one of a single number.
    """
    is_own = train.made.code is not None
    return tuple((_plain(weights, is_own), _plain(acts, is_own)) for weights, acts in _pairs(train))


def _pairs(train: TrainTable) -> Iterable[tuple[Widths, Widths]]:
    return train.bits or [(w, a) for w in train.weight_bits for a in train.act_bits]


def _plain(bits: Widths, is_own: bool) -> Widths:
    if not isinstance(bits, tuple):
        return bits
    return bits[0] if len(bits if is_own else set(bits)) == 1 else bits


def _check_no_twins(path: Path, grid: Grid) -> None:
    build = grid.build
    for field, values in (
        *_dimensions(grid.train),
        ("build.foldings", build.foldings),
        ("build.target_fps", build.target_fps),
        ("build.folding_files", build.folding_files),
        ("build.cores", build.cores),
        ("build.board", build.board),
        ("measure.board", grid.measure.board),
        ("boards.name", [board.name for board in grid.boards]),
    ):
        if twice := repeated(values):
            raise ConfigError(
                f"{path}: {field} names {shown(twice[0])} twice.", "Name each of them once."
            )


def _dimensions(train: TrainTable | None) -> Iterator[tuple[str, Iterable[Any]]]:
    """What trainings are made for each combination of."""
    if train is not None:
        yield "train.dataset", train.dataset
        yield "train.bits", precisions(train)
        yield "train.references", train.references
        yield "train.seeds", train.seeds


def _check_measure(path: Path, grid: Grid) -> None:
    names = {board.name for board in grid.boards}
    check_names(path, "measure.board", grid.measure.board, {EMULATED, *names})
    if EMULATED in names or (EMULATED in grid.measure.board and len(grid.measure.board) > 1):
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
    architecture = train.made.architecture
    if architecture is None:
        return
    counts = architecture.weighted(), architecture.activations()
    for pair in _pairs(train):
        for of, bits, count in zip(("weight", "activation"), pair, counts, strict=True):
            if isinstance(bits, tuple) and len(bits) != count:
                raise ConfigError(
                    f"{path}: {len(bits)} {of} bit widths are given, {train.made.name} has "
                    f"{count}.",
                    f"Give one number for all, or {count} of them.",
                )


def check_images(path: Path, grid: Grid) -> None:
    """No more images may be asked for than each data set has.

    Raises:
        ConfigError: More are; `path` is named.
    """
    for data in grid.data:
        for field, kind, wanted, least in _image_counts(grid):
            most = data.train_images if kind == "training" else data.test_images
            if wanted > most:
                raise ConfigError(
                    f"{path}: {field} = {shown(wanted)}, and {data.name} has {most:,} {kind} "
                    "images.",
                    f"Give at most {most:,}." if most >= least else f"It needs {least:,} of them.",
                )
        if grid.train is not None:
            _check_batch(path, grid.train, data.train_images)


def _check_batch(path: Path, train: TrainTable, train_images: int) -> None:
    trained_on = train.train_images or train_images
    batch_size = hyperparameters(train).batch_size
    if batch_size > trained_on:
        raise ConfigError(
            f"{path}: train.batch_size = {shown(batch_size)}, and {trained_on:,} images are "
            "trained on.",
            f"Give 2 to {trained_on:,}.",
        )


def _image_counts(grid: Grid) -> Iterator[tuple[str, str, int, int]]:
    """Keys that say how many images, of which kind, their values, and the smallest there may be."""
    for stage in grid.stages:
        for name, annotation in keys(stage.spec).items():
            key = key_of(annotation)
            if key.counts is not None:
                yield (
                    f"{stage.table or stage.name}.{name}",
                    key.counts,
                    getattr(grid.table(stage), name),
                    least_of(annotation),
                )


def _check_shapes(path: Path, grid: Grid, train: TrainTable) -> None:
    """Every data set's images must be such as the network can take."""
    size = hyperparameters(train).image_size
    for data in grid.data:
        _check_zero_point(path, data, train.made)
        _check_size(path, data, size, asked_for=train.image_size is not None)
        try:
            layers(train, data)
        except ArchitectureError as error:
            raise ConfigError(
                f"{path}: {train.made.name} cannot be trained on {data.name} with train.image_size "
                f"= {size}: {error}.",
                "Give another image_size or data set.",
            ) from None


def _check_zero_point(path: Path, data: DatasetSpec, network: Network) -> None:
    """Hardware pads with the number 0, which has to stand for 0."""
    architecture, zero_point = network.architecture, data.quantization.zero_point
    if zero_point and architecture is not None and architecture.pads_images():
        raise ConfigError(
            f"{path}: {network.name} pads images with zeros, and in {data.name} the number "
            f"{zero_point} stands for 0 (x_zero_point).",
            "Give the numbers less x_zero_point, so that 0 stands for 0, or another network.",
        )


def _check_size(path: Path, data: DatasetSpec, size: int, *, asked_for: bool) -> None:
    """Only pixels can be resized, and those of another shape are only where that is asked for."""
    _, height, width = data.shape
    if resized(data.shape, size) == data.shape:
        return
    if data.quantization != PIXELS:
        kind = data.quantization.datatype
        problem = f"are not pixels of 0 to 255 that stand for 0 to 1 but {kind}"
    elif height != width and not asked_for:
        problem = f"are {height}x{width}, not square"
    else:
        return
    raise ConfigError(
        f"{path}: images of {data.name} {problem}; train.image_size = {size} would resize them.",
        "Give train.image_size = 0, which leaves images as they are.",
    )


def _load_foldings(path: Path, grid: Grid, flow: Flow) -> tuple[Folding, ...]:
    """The foldings of `grid`, each checked against the network for every data set."""
    build = grid.build
    beside = path.parent / FOLDINGS_FILE
    goals = _goals(path, build, flow)
    named = [name for name in build.foldings if name not in goals]
    tables = _tables_of(beside, grid.network) if named else {}
    check_names(path, "build.foldings", named, tables)
    _check_goals(beside, grid.network, goals)
    files = [path.parent / name for name in build.folding_files]
    for file in files:
        require_name(f"{path}: build.folding_files, the folding in {file.name}", file.stem)
    folds: dict[str, Folding] = {}
    for shapes in known_layers(grid):
        choices = [
            goals.get(name) or flow.foldings.named(beside, name, tables[name], shapes)
            for name in build.foldings
        ]
        choices += [_from_file(flow, path, file, shapes) for file in files]
        choices += [flow.foldings.for_throughput(fps) for fps in build.target_fps]
        if twice := repeated(choice.name for choice in choices):
            raise ConfigError(
                f"{path}: two foldings are called '{twice[0]}' (the name of a folding file is that "
                "of its folding, in small letters).",
                "Rename one of the files.",
            )
        folds |= {choice.name: choice for choice in choices}
    return tuple(folds.values())


def _goals(path: Path, build: Any, flow: Flow) -> dict[str, Folding]:
    """Those of the foldings that are to be searched for, as they are written."""
    try:
        found = {name: flow.foldings.for_goal(name, build) for name in build.foldings}
    except ConfigError as error:
        raise ConfigError(f"{path}: {error.what}", error.remedy) from None
    return {name: folding for name, folding in found.items() if folding is not None}


def _check_goals(path: Path, network: str, goals: Collection[str]) -> None:
    """No folding in `path` may be called as a goal is written."""
    tables = read_toml(path).get(network) if goals and path.is_file() else None
    for name in goals:
        if isinstance(tables, dict) and name in tables:
            raise ConfigError(
                f"{path}: [{network}] has a folding '{name}', which is what a search is asked for.",
                "Rename it.",
            )


def _from_file(
    flow: Flow, path: Path, file: Path, shapes: tuple[LayerShape, ...] | None
) -> Folding:
    try:
        return flow.foldings.from_file(file, shapes)
    except UnreadableFile as error:
        raise ConfigError(f"{path}: build.folding_files: {error.what}", error.remedy) from None


def _tables_of(path: Path, network: str) -> dict[str, Any]:
    """The foldings of `network` in `path`, by name."""
    tables = read_toml(path).get(network)
    if not isinstance(tables, dict):
        said = "has no" if tables is None else "does not have a"
        raise ConfigError(
            f"{path} {said} table [{network}] of foldings.",
            f"Write [{network}], and below it a line for each, such as low = [[2, 8], ...].",
        )
    return tables
