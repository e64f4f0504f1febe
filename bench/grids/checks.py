"""Conditions on several tables of a grid, and on its network and data.

Each raises `ConfigError` for what cannot be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.console.text import counted, shown
from bench.errors import ConfigError
from bench.flows import flow_named
from bench.grids.choices import check_names, repeated
from bench.grids.tables import Grid, TrainTable
from bench.grids.trainings import hyperparameters, layers, pairs, precisions
from bench.networks import Network
from contract.architecture import ArchitectureError
from contract.fields import key_of, keys, least_of
from contract.finn.measure import EMULATED
from contract.stages.dataset import PIXELS, DatasetSpec, resized


def check_tables(path: Path, grid: Grid) -> None:
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


def check_no_twins(path: Path, grid: Grid) -> None:
    """Nothing may be named twice."""
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


def check_measure(path: Path, grid: Grid) -> None:
    """Boards have to be known, and the emulated one measures alone."""
    names = {board.name for board in grid.boards}
    check_names(path, "measure.board", grid.measure.board, {EMULATED, *names})
    if EMULATED in names or (EMULATED in grid.measure.board and len(grid.measure.board) > 1):
        raise ConfigError(
            f"{path}: '{EMULATED}' can be neither one of several boards nor named in [[boards]].",
            "Name real boards, or only the emulated one.",
        )


def check_bits(path: Path, train: TrainTable) -> None:
    """Bit widths are given in one of two ways, and each list is as long as the network needs."""
    product = bool(train.weight_bits and train.act_bits)
    if bool(train.bits) == product or bool(train.weight_bits) != bool(train.act_bits):
        raise ConfigError(
            f"{path}: bit widths are given {'twice' if train.bits else 'not at all, or in part'}.",
            "Give train.bits = [[weights, activations], ...], or both train.weight_bits and "
            "train.act_bits for every pair of them.",
        )
    architecture = train.made.architecture
    if architecture is None:
        return
    counts = architecture.weighted(), architecture.activations()
    for pair in pairs(train):
        for of, bits, count in zip(("weight", "activation"), pair, counts, strict=True):
            if isinstance(bits, tuple) and len(bits) != count:
                raise ConfigError(
                    f"{path}: {counted(len(bits), f'{of} bit width is', f'{of} bit widths are')} "
                    f"given, {train.made.name} has {count}.",
                    f"Give one number for all, or {count} of them.",
                )


def check_images(path: Path, grid: Grid) -> None:
    """No more images may be asked for than each data set has."""
    for data in grid.data:
        for field, kind, wanted, least in _image_counts(grid):
            most = data.train_images if kind == "training" else data.test_images
            if wanted > most:
                raise ConfigError(
                    f"{path}: {field} = {shown(wanted)}, and {data.name} has "
                    f"{counted(most, f'{kind} image')}.",
                    f"Give at most {most:,}." if most >= least else f"It needs {least:,} of them.",
                )
        if grid.train is not None:
            _check_batch(path, grid.train, data.train_images)


def _check_batch(path: Path, train: TrainTable, train_images: int) -> None:
    trained_on = train.train_images or train_images
    batch_size = hyperparameters(train).batch_size
    if batch_size > trained_on:
        raise ConfigError(
            f"{path}: train.batch_size = {shown(batch_size)}, and "
            f"{counted(trained_on, 'image is', 'images are')} trained on.",
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


def check_shapes(path: Path, grid: Grid, train: TrainTable) -> None:
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
