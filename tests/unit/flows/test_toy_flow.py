"""A flow from a file outside of the package: planned, run and reported like the built-in one."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import HOST, MetricsRunner, as_command_on, write_grid

from bench.cli import main
from bench.errors import Exit
from bench.flows import FLOWS, all_stages, flow_named
from bench.paths import ROOT
from bench.pipeline import Resolver
from bench.results import registry
from bench.runners.host import HostRunner
from bench.store import Store

FLOW = '''
"""Counts to a number, as often as there are images, and says how long that took."""

import json
from dataclasses import dataclass
from typing import Annotated

from bench.errors import ConfigError
from bench.flows import Bottleneck, Flow, Folding
from bench.results import Column, File, Place, register
from bench.words import Origin
from contract.fields import Key, Range
from contract.stage import Cost, Scope, Stage

COST = Cost(seconds=1, memory=1, disk=1)


@dataclass(frozen=True, kw_only=True)
class MakeSpec:
    step: int
    limit: Annotated[int, Range(ge=1, le=100), Key("Where counting ends.")] = 10


@dataclass(frozen=True, kw_only=True)
class CountSpec:
    images: Annotated[int, Range(ge=1), Key("How often to count.")] = 2


@dataclass(frozen=True, kw_only=True)
class TimeSpec:
    pass


def make(request, reporter, context):
    leave(request, {"steps": -(-request.spec["limit"] // request.spec["step"])})


def count(request, reporter, context):
    leave(request, {"counted": request.spec["images"] * found(request, "make")["steps"]})


def time(request, reporter, context):
    leave(request, {"cycles": 2 * found(request, "count")["counted"]})


def leave(request, metrics):
    (request.outputs / "metrics.json").write_text(json.dumps(metrics))


def found(request, stage):
    return json.loads((request.inputs[stage] / "metrics.json").read_text())


def stage(name, spec, needs, table=""):
    return Stage(
        name=name, summary=name, environment="host", entry=f"toy:{name}", spec=spec,
        scope=Scope.DESIGN, cost=COST, table=table, needs=needs,
    )


class Foldings:
    def named(self, path, name, entry, layers):
        if type(entry) is not int or entry < 1:
            raise ConfigError(f"{path}: folding '{name}' is no step.", "Give a whole number.")
        return Folding(name=name, fields={"step": entry})

    def from_file(self, path, layers):
        return self.named(path, path.stem, int(path.read_text()), layers)

    def for_throughput(self, fps):
        raise ConfigError("There is no search.", "Name a folding.")

    goals = ()

    def for_goal(self, written, build):
        return None

    def bottleneck(self, folding, layers, build):
        return Bottleneck(layer="the counter", cycles=build.limit, fps=1.0)


FLOW = Flow(
    name="toy",
    title="Toy 1.0",
    stages=(
        stage("make", MakeSpec, ("export",), "build"),
        stage("count", CountSpec, ("make",)),
        stage("time", TimeSpec, ("count",)),
    ),
    foldings=Foldings(),
    boards={"abacus": "wood"},
)

register(
    Column(name="cycles", stage="time", origin=Origin.RTL_SIM, unit="cycles",
           shown=(Place.THROUGHPUT, Place.PAGE)),
)
'''
GRID = """
name = "test"
flow = "toy"
[train]
network = "TFC"
dataset = "MNIST"
bits = [[2, 2], [4, 4]]
seeds = [1]
epochs = 2
milestones = [1]
[build]
foldings = ["single", "double"]
board = "abacus"
limit = 7
[count]
images = 3
"""


@pytest.fixture
def toy(
    tmp_path: Path, extension: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The grid's file; the flow is known while the test runs."""
    monkeypatch.setattr(registry, "_register", dict(registry._register))
    extension("toy.py", FLOW)
    grid = write_grid(tmp_path, GRID)
    foldings = tmp_path / "foldings.toml"
    foldings.write_text("[TFC]\nsingle = 1\ndouble = 2\n")
    return grid


# The paper's title, networks by their authors, and the pinned environment with its Vivado.
MAY_NAME_IT = (
    "bench/archive/tags.py", "bench/environments/__init__.py", "bench/networks/",
    "bench/provenance/crate.py", "bench/runners/vivado.py",
)  # fmt: skip


def test_nothing_outside_a_flow_names_its_tool() -> None:
    said = [
        f"{name}: {word[0]}"
        for path in sorted((ROOT / "bench").rglob("*"))
        if path.suffix in {".py", ".j2", ".js"}
        and not (name := path.relative_to(ROOT).as_posix()).startswith(
            ("bench/flows/finn/", *MAY_NAME_IT)
        )
        if (word := re.search(r"FINN|MVAU|\bPE\b|SIMD", path.read_text()))
    ]
    assert said == []


def test_its_stages_are_its_own(toy: Path) -> None:
    assert {"finn", "toy"} <= set(FLOWS)
    names = [stage.name for stage in flow_named("toy").all_stages]
    assert names == ["dataset", "train", "export", "model", "import", "make", "count", "time"]
    trained = [stage.name for stage in flow_named("toy").of_training]
    assert trained == ["dataset", "train", "export", "make", "count", "time"]
    assert set(names) <= set(all_stages())


def test_it_runs_to_a_report(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = MetricsRunner()
    front = {"dataset", "train", "export"}

    class Both(HostRunner):
        def run(self, job, emit, cancelled):  # noqa: ANN001, ANN202
            chosen = trained if job.request.stage in front else super()
            return chosen.run(job, emit, cancelled)

    resolver = Resolver(Store(tmp_path / "store"), {"host": Both(HOST), "train": trained})
    as_command = [str(toy), *as_command_on(resolver, monkeypatch)]
    assert main(["plan", *as_command]) == Exit.OK
    assert "the counter" in capsys.readouterr().out
    assert main(["run", *as_command]) == Exit.OK
    report = tmp_path / "store" / "reports" / "test"
    with (report / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["folding"], row["status"], row["cycles"]) for row in rows] == [
        ("single", "done", "42"), ("double", "done", "24"),
    ] * 2  # fmt: skip
    assert "42" in (report / "results.md").read_text()
    assert main(["why", "tfc-mnist-w2a2-s1-double", "cycles", "--file", *as_command]) == Exit.OK
    assert "cycles = 24" in capsys.readouterr().out
    assert main(["run", *as_command]) == Exit.OK
    assert "Nothing to do" in capsys.readouterr().out


def test_its_keys_are_checked_like_all_others(
    toy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.write_text(GRID.replace("limit = 7", "limit = 101").replace("images = 3", "image = 3"))
    assert main(["plan", str(toy), "--store", str(tmp_path / "store")]) == Exit.CONFIG
    error = " ".join(capsys.readouterr().err.split())
    assert "build.limit = 101: give a whole number from 1 to 100" in error
    assert "unknown key 'count.image'. Did you mean 'images'?" in error
