"""What the unit tests share: a small grid, a store, and nothing that takes long."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import FakeRunner, as_command_on, write_grid, write_own_model
from temporary import use

from bare_runner import ENVIRONMENTS
from bench import extensions
from bench.console.events import Event
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver
from bench.store import Store

# Thousands of small files: in memory they cost a third of the time, and nobody else's disk waits.
MEMORY = "/dev/shm"
if os.access(MEMORY, os.W_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
    use(MEMORY)


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_disks(no_fsync: None) -> None:
    """In no unit test."""


@pytest.fixture(autouse=True)
def no_figures(no_drawing: None) -> None:
    """In no unit test."""


@pytest.fixture
def extension(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], Path]]:
    """Adds a file to a folder of extensions, given its name and text."""
    folder = tmp_path / "extensions"
    folder.mkdir()
    monkeypatch.setenv(extensions.VARIABLE, str(folder))
    monkeypatch.setattr(sys, "path", [*sys.path])
    modules = set(sys.modules)

    def add(name: str, text: str) -> Path:
        (folder / name).write_text(text)
        return folder / name

    yield add
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.fixture
def grid_file(tmp_path: Path) -> Path:
    """A valid grid of two trainings by two foldings, with the project's folding tables."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    return write_grid(folder)


@pytest.fixture
def own_model_grid(tmp_path: Path) -> Path:
    """A valid grid of a model, of which bench reads no more than that it is there."""
    folder = tmp_path / "own"
    folder.mkdir()
    return write_own_model(folder)


@pytest.fixture
def experiments(grid_file: Path) -> tuple[Point, ...]:
    return expand(load_grid(grid_file))


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def resolver(store: Store, runner: FakeRunner) -> Resolver:
    return Resolver(store, dict.fromkeys(ENVIRONMENTS, runner))


@pytest.fixture
def as_command(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options with which commands work on the other fixtures' store and runner."""
    return as_command_on(resolver, monkeypatch)


@pytest.fixture
def seen() -> list[Event]:
    """Events that a test collects."""
    return []
