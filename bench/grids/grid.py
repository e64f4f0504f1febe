"""Grids of experiments: a TOML file, checked field by field, with errors that name the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.console.text import shown
from bench.errors import ConfigError, did_you_mean
from bench.flows import FLOWS, Flow, flow_named
from bench.flows.register import DEFAULT as DEFAULT_FLOW
from bench.grids.checks import (
    check_bits,
    check_images,
    check_measure,
    check_no_twins,
    check_shapes,
    check_tables,
)
from bench.grids.choices import check_names
from bench.grids.foldings import FOLDINGS_FILE, load_foldings
from bench.grids.given import with_files, with_network
from bench.grids.tables import Grid, grid_model
from bench.input.names import require_file_name
from bench.input.reading import read_toml
from bench.input.schema import validated

CLAIMS_FILE = "claims.toml"
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
    check_tables(path, grid)
    grid = with_files(path, grid, absent=absent)
    check_names(path, "build.board", grid.build.board, flow.boards)
    check_measure(path, grid)
    check_no_twins(path, grid)
    if train is not None:
        check_bits(path, train)
    if not inspected:
        check_images(path, grid)
    if train is not None:
        check_shapes(path, grid, train)
    folds = load_foldings(path, grid, flow)
    if not folds and not inspected:
        raise ConfigError(
            f"{path}: build names no folding.",
            f"Give build.foldings (see {FOLDINGS_FILE}), build.target_fps or build.folding_files.",
        )
    return grid.model_copy(update={"folds": folds})


def _flow(path: Path, name: object) -> Flow:
    if not isinstance(name, str) or name not in FLOWS:
        raise ConfigError(
            f"{path}: flow = {shown(name)} is not known.", did_you_mean(str(name), FLOWS)
        )
    return flow_named(name)
