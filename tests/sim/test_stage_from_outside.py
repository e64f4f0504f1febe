"""A stage of two files outside of the package, its declaration and its module in a worker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from real_runs import GRID, Bench

DECLARATION = '''
from dataclasses import dataclass
from typing import Annotated

from contract.fields import Key, Range
from contract.stage import Cost, Scope, Stage


@dataclass(frozen=True, kw_only=True)
class WeighSpec:
    """What counts as nothing."""

    below: Annotated[float, Range(ge=0), Key("Weights up to this count as zero.")] = 0.0


STAGE = Stage(
    name="weigh",
    summary="count the weights that are not zero",
    environment="train",
    entry="weighing.weigh:weigh",
    spec=WeighSpec,
    scope=Scope.TRAINING,
    needs=("train",),
    cost=Cost(seconds=3, memory=600_000_000, disk=1_000),
)
'''
WORKER = """
import torch

from declared import WeighSpec
from train_worker.checkpoint import Checkpoint


def weigh(request, reporter):
    spec = request.parse(WeighSpec)
    checkpoint = Checkpoint.load(request.inputs["train"] / "checkpoint.pt")
    weights = [tensor for name, tensor in checkpoint.state.items() if name.endswith("weight")]
    count = sum(int((tensor.abs() > spec.below).sum()) for tensor in weights)
    request.write_metrics({"weights": count})
"""


@pytest.fixture
def extensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "extensions"
    (folder / "weighing").mkdir(parents=True)
    (folder / "declared.py").write_text(DECLARATION)
    (folder / "weighing" / "weigh.py").write_text(WORKER)
    monkeypatch.setenv("BENCH_EXTENSIONS", str(folder))
    return folder


def weigh(bench: Bench, grid: Path) -> tuple[list[int], str]:
    """How many weights each run of the stage counted, and what the last one printed."""
    running = bench.start("run", str(grid), "--runner", "venv", "--only", "weigh")
    output, _ = running.communicate(timeout=300)
    assert running.returncode == 0, output
    paths = bench.store.glob("weigh/*/files/metrics.json")
    return sorted(json.loads(path.read_text())["weights"] for path in paths), output


def test_a_stage_from_outside_runs_in_its_worker(
    undisturbed: Bench, extensions: Path, tmp_path: Path
) -> None:
    bench = Bench(tmp_path / "store")
    shutil.copytree(undisturbed.store, bench.store, symlinks=True)
    (all_weights,), output = weigh(bench, GRID)
    assert all_weights > 1000
    assert "1 task done, 2 kept" in output
    grid = tmp_path / "more.toml"
    grid.write_text(GRID.read_text() + "\n[weigh]\nbelow = 0.05\n")
    shutil.copy(GRID.with_name("foldings.toml"), tmp_path)
    (fewer, again), output = weigh(bench, grid)
    assert fewer < again == all_weights
    (extensions / "declared.py").write_text(DECLARATION + "# a comment\n")
    (extensions / "weighing" / "weigh.py").write_text(WORKER + "# another module of it\n")
    _, output = weigh(bench, grid)
    assert "1 task done, 2 kept" in output, "its sources are part of its key"
