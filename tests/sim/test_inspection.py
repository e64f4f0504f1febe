"""A network that FINN+ cannot build: found before it is trained."""

from __future__ import annotations

import json
from pathlib import Path

from real_runs import GRID, Bench

from bench.errors import Exit

NETWORK = """
from brevitas import nn as qnn
from torch import nn


def build(weight_bits, act_bits, features, classes):
    return nn.Sequential(
        nn.Flatten(),
        qnn.QuantLinear(features, 8, bias=False, weight_bit_width=weight_bits),
        nn.Tanh(),
        qnn.QuantLinear(8, classes, bias=False, weight_bit_width=weight_bits),
    )
"""


def test_it_stops_before_the_training_and_is_said_alike_by_itself(
    tmp_path: Path,
) -> None:
    (tmp_path / "tanh.py").write_text(NETWORK)
    (tmp_path / "foldings.toml").write_text("[tanh]\nlow = [[1, 1], [1, 1]]\n")
    text = GRID.read_text().replace('"TFC"', '"tanh.py:build"').replace('["low", "max"]', '["low"]')
    grid = tmp_path / "grid.toml"
    grid.write_text(text)
    bench = Bench(tmp_path / "store")
    running = bench.start("run", str(grid), "--runner", "venv")
    output, _ = running.communicate(timeout=600)
    assert running.returncode == Exit.STAGE_FAILED, output
    assert "FINN+ has no hardware layer for Tanh (Tanh_0, after layer 1)." in output
    assert "QuantHardTanh" in output
    made = {path.parent.parent.name for path in bench.store.glob("*/*/manifest.json")}
    assert made == {"dataset", "draft"}
    (row,) = bench.results().to_dict("records")
    assert (row["status"], row["stopped_at"]) == ("failed", "inspect")
    assert "no hardware layer for Tanh" in row["reason"]

    running = bench.start("inspect", f"{tmp_path}/tanh.py:build", "--bits", "3,2", "--dataset",
                          "MNIST", "--runner", "venv")  # fmt: skip
    output, _ = running.communicate(timeout=600)
    assert running.returncode == Exit.STAGE_FAILED, output
    assert "cannot be built: FINN+ has no hardware layer for Tanh" in output


def test_what_a_run_has_inspected_is_shown_at_once(undisturbed: Bench) -> None:
    running = undisturbed.start("inspect", str(GRID), "--runner", "venv", "--json")
    output, _ = running.communicate(timeout=600)
    assert running.returncode == 0, output
    assert "started" not in output, "everything is in the store"
    (network,) = json.loads(output)["networks"]
    intervals = {design["folding"]: design["ii_estimated"] for design in network["designs"]}
    assert intervals == {"low": 4096, "max": 64}
    compiled = undisturbed.results()
    assert sorted(intervals.values()) == sorted(compiled["ii_estimated"])
