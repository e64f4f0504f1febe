"""The size stage: the smallest FIFOs, and what shows that they are."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelerators import FOLDING, II, IMAGES, SIZES, Bench, compile_network
from finn_worker.fifo_sizing import size_fifos
from finn_worker.rtl.top import MIN_DEPTH, max_depth
from finn_worker.simulator import Simulator
from finn_worker.simulator_build import build, gather
from finn_worker.size import KnownSizing, size
from stagekit import Reporter, StageError


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return compile_network(tmp_path_factory.mktemp("simulate"), SIZES, FOLDING)


def test_sizing_is_reported_and_proven_with_finns_fifos(bench: Bench) -> None:
    metrics = json.loads((bench.size() / "metrics.json").read_text())
    assert metrics["ii_sized"] == metrics["ii_estimated"] == II < metrics["ii_unsized"]
    assert metrics["unsized_deadlock"] is None
    assert metrics["total_depth"] == sum(fifo["depth"] for fifo in metrics["fifos"])
    assert metrics["total_bits"] == sum(f["depth"] * f["width_bits"] for f in metrics["fifos"])
    assert metrics["deeper_than_least"] > 0


def test_fifos_that_behave_otherwise_are_found_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = gather

    def shallow(bundle: Path, depths: Any = None, **options: Any) -> Any:
        found = gathered(bundle, depths, **options)
        if depths is None:
            return found
        top = re.sub(r"fifo #\(.DEPTH\(\d+\)", "fifo #(.DEPTH(2)", found.rtl["top.sv"])
        return replace(found, rtl={**found.rtl, "top.sv": top})

    monkeypatch.setattr("finn_worker.simulator_build.gather", shallow)
    request = replace(bench.request("other fifos", stage="size"), spec={})
    with pytest.raises(StageError, match="FINN's own FIFOs give"):
        size(request, Reporter(io.StringIO()))


def test_sizing_of_another_design_is_refused(bench: Bench) -> None:
    design = json.loads((bench.compiled / "design.json").read_text())
    with pytest.raises(StageError, match="another design"):
        KnownSizing.load(bench.size(), {"streams": design["streams"][1:]})


def test_no_fifo_could_be_any_shallower(bench: Bench, tmp_path: Path) -> None:
    executable = build(gather(bench.compiled), bench.folder / "cache", tmp_path, 2)
    design = json.loads((bench.compiled / "design.json").read_text())
    simulator = Simulator(executable, design, bench.compiled / "rtl", tmp_path, 100_000)
    limits = [max_depth(stream) for stream in design["streams"]]
    sizing = size_fifos(simulator, bench.mlp.images, limits, II, lambda text: None)
    assert sizing.ii == II
    frames = bench.mlp.images[np.arange(60) % IMAGES]
    assert simulator.run(frames, sizing.depths)[1].ii == II
    deeper = [stream for stream, depth in enumerate(sizing.depths) if depth > MIN_DEPTH]
    assert deeper
    for stream in deeper:
        depths = list(sizing.depths)
        depths[stream] -= 1
        interval = simulator.run(frames, depths)[1].ii
        assert interval is not None
        assert interval > II
