"""A Vivado that cannot be used: lookups say so and go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import MetricsRunner

from bare_runner import ENVIRONMENTS
from bench import provenance, report
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.pipeline import Resolver, execute, plan
from bench.runners.venv import VenvRunner
from bench.store import Store


def test_looking_things_up_with_a_vivado_that_is_not_supported(
    grid_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "Vivado" / "2023.1" / "bin" / "vivado"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setenv("XILINX_VIVADO", str(program.parent.parent))
    runners = dict.fromkeys(ENVIRONMENTS, MetricsRunner()) | {"vivado": VenvRunner(tmp_path)}
    resolver = Resolver(Store(tmp_path / "store"), runners)
    experiments = expand(load_grid(grid_file))
    execute(plan(experiments), resolver, 1, 1, lambda event: None)
    results = report.collect(experiments, resolver)
    assert set(results["status"]) == {"done"}
    assert all("is Vivado 2023.1; FINN+ supports" in text for text in results["synthesis_reason"])
    chains = provenance.chains(experiments, resolver)
    assert all("2023.1" in str(chain) for chain in chains.values())
