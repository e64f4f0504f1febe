"""Large grids: what a plan does grows as the grid does, and no faster. Counted, not timed."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest
from fakes import GRID, FakeRunner, as_command_on

from bare_runner import resolver_on
from bench.cli import main
from bench.errors import Exit
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, Task, execute, forecast, history, plan, survey
from bench.pipeline.budget import GIB
from bench.pipeline.ensure import Ensurer, Outcome
from bench.store import Entry

HOST = {"machine": "x86_64", "processors": "2", "memory_bytes": str(24 * GIB)}
FEW, MANY = 2, 8
# Sorting, and what is done once, aside.
LINEAR = 1.15 * MANY / FEW


def points(grid_file: Path, seeds: int) -> tuple[Point, ...]:
    text = GRID.replace("seeds = [1]", f"seeds = {list(range(seeds))}")
    grid_file.write_text(text)
    return expand(load_grid(grid_file))


def lines_of(work: Callable[[], object]) -> int:
    """How many lines of bench `work` executes; loops and comprehensions count each time."""
    count = 0

    def on_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return on_line

    def on_call(frame: FrameType, event: str, argument: Any) -> Any:
        return on_line if f"{os.sep}bench{os.sep}" in frame.f_code.co_filename else None

    before = sys.gettrace()
    sys.settrace(on_call)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def foretell(resolver: Resolver, wanted: tuple[Point, ...]) -> None:
    """All that `bench plan` does but for reading the grid and printing."""
    found = survey(wanted, resolver, verify=True)
    forecast(found.tasks, found, resolver.runners, 2, 2 * GIB, HOST)


def fill(folder: Path, wanted: tuple[Point, ...]) -> Resolver:
    """A store that holds all but the last tenth of the tasks."""
    resolver = resolver_on(folder, FakeRunner())
    tasks = plan(wanted)
    execute(tasks[: len(tasks) * 9 // 10], resolver, 1, 1, lambda event: None)
    return resolver


def test_a_survey_of_an_empty_store_grows_as_its_grid_does(
    grid_file: Path, resolver: Resolver
) -> None:
    few, many = (points(grid_file, seeds) for seeds in (FEW, MANY))
    lines = lines_of(lambda: foretell(resolver, few))
    assert lines_of(lambda: foretell(resolver, many)) < LINEAR * lines


def test_a_survey_of_a_filled_store_grows_as_its_grid_and_history_do(
    grid_file: Path, tmp_path: Path
) -> None:
    same, new = [], []
    for seeds in (FEW, MANY):
        wanted = points(grid_file, seeds)
        resolver = fill(tmp_path / str(seeds), wanted)
        assert len(history.read(resolver.store.root)) > 10 * seeds
        same.append(lines_of(lambda: foretell(resolver, wanted)))  # noqa: B023  # called at once
        # Works of which the history has none: it has to be searched for the like of each.
        grid_file.write_text(grid_file.read_text().replace("[[2, 2], [4, 4]]", "[[3, 3], [5, 5]]"))
        others = expand(load_grid(grid_file))
        new.append(lines_of(lambda: foretell(resolver, others)))  # noqa: B023
    assert same[1] < LINEAR * same[0]
    assert new[1] < LINEAR * new[0]


class AtOnce:
    """Does each task when it is submitted; the order of events is always the same."""

    limited = True

    def __init__(self, resolver: Resolver) -> None:
        self._ensurer = Ensurer(resolver, lambda event: None, threading.Event())
        self._session = resolver.store.session()

    def __enter__(self) -> Self:
        self._session.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._session.__exit__(None, None, None)

    def prepare(self, environments: list[str]) -> None:
        pass

    def submit(
        self, task: Task, inputs: Mapping[str, Entry], cpus: int, rank: float
    ) -> Future[Outcome]:
        future: Future[Outcome] = Future()
        future.set_result(self._ensurer.ensure(task, inputs, cpus))
        return future


def test_a_run_grows_as_its_grid_does(grid_file: Path, tmp_path: Path) -> None:
    """Of many tasks that wait for memory, none is looked at but the next."""
    lines = []
    for seeds in (FEW, MANY):
        tasks = plan(points(grid_file, seeds))
        resolver = resolver_on(tmp_path / str(seeds), FakeRunner())
        run = partial(execute, tasks, resolver, 2, 2, lambda event: None, memory=GIB)
        run(backend=AtOnce(resolver))
        lines.append(lines_of(partial(run, backend=AtOnce(resolver), missing=())))
    assert lines[1] < LINEAR * lines[0]


def test_folders_are_listed_once_and_artifacts_looked_up_once(
    grid_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = points(grid_file, FEW)
    resolver = fill(tmp_path / "store", wanted)
    listed: Counter[str] = Counter()
    looked_up: Counter[str] = Counter()
    scandir, find = os.scandir, resolver.store.find

    def counting_scandir(path: Any) -> Any:
        listed[str(path)] += 1
        return scandir(path)

    def counting_find(stage: str, key: str, name: str) -> Any:
        looked_up[key] += 1
        return find(stage, key, name)

    monkeypatch.setattr(os, "scandir", counting_scandir)
    monkeypatch.setattr(resolver.store, "find", counting_find)
    found = survey(wanted, resolver)
    present = found.present
    assert len(present) > len(found.tasks) // 2
    assert set(listed.values()) == {1}
    assert set(looked_up.values()) == {1}
    assert len(looked_up) == len(present)  # what is not there is not looked for on disk


def test_a_plan_prints_as_much_for_many_points_as_for_few(
    grid_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    resolver = resolver_on(tmp_path / "store", FakeRunner())
    as_command = as_command_on(resolver, monkeypatch)
    printed = []
    for seeds in (FEW, MANY):
        points(grid_file, seeds)
        assert main(["plan", str(grid_file), *as_command]) == Exit.OK
        printed.append(capsys.readouterr().out.splitlines())
    assert len(printed[0]) == len(printed[1]) < 40
    text = "\n".join(printed[1])
    assert "low     fc1: 1024 to 64, PE 2, SIMD" in text
    assert re.search(r" 100 100 100 3 *$", text, re.MULTILINE)
    assert "By layer: the cycles of each layer" in text
