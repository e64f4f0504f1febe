"""The changes with which grids were run, recorded for `bench store gc`."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from bench.errors import StoreError, store_error
from bench.input.schema import first_problem
from bench.session.grids import Changes
from bench.store.keys import SHORT, canonical
from bench.system.files import read_bytes, write_atomic

FOLDER = "overrides"
_CHANGES = TypeAdapter(Changes)


def record(store: Path, grid: str, changes: Changes) -> None:
    """Record that `grid` was run with `changes`; in a file of their own, so runs do not collide.

    Raises:
        StoreError: The store cannot be written.
    """
    if changes == Changes():
        return
    given = {name: value for name, value in asdict(changes).items() if value}
    folder = store / FOLDER / grid
    path = folder / f"{hashlib.sha256(canonical(given)).hexdigest()[:SHORT]}.json"
    try:
        write_atomic(path, json.dumps(given) + "\n")
    except OSError as error:
        raise store_error(error, folder) from error


def recorded(store: Path, grid: str) -> list[Changes]:
    """The changes with which `grid` was run in `store`.

    Raises:
        StoreError: A file there is not valid.
    """
    changes = []
    for path in sorted((store / FOLDER / grid).glob("*.json")):
        try:
            changes.append(_CHANGES.validate_json(read_bytes(path), strict=True))
        except OSError as error:
            raise store_error(error, path) from error
        except ValidationError as error:
            raise StoreError(
                f"{path} does not say what a run changed: {first_problem(error)}.",
                "Delete it; `bench store gc` then removes what only that run has made.",
            ) from error
    return changes


def forget(store: Path, grid: str) -> None:
    """Forget the changes with which `grid` was run."""
    shutil.rmtree(store / FOLDER / grid, ignore_errors=True)
