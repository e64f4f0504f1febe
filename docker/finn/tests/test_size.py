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
from finn.transformation.fpgadataflow.insert_iodma import InsertIODMA
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from accelerators import FOLDING, II, IMAGES, SIZES, Bench, compile_network
from finn_worker.fifo_sizing import size_fifos
from finn_worker.rtl.top import MIN_DEPTH, max_depth
from finn_worker.simulator import Simulator
from finn_worker.simulator_build import build, gather
from finn_worker.size import KnownSizing, size
from finn_worker.synthesis_build import insert_fifos
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


def adjustable(bench: Bench, scratch: Path) -> Simulator:
    executable = build(gather(bench.compiled), bench.folder / "cache", scratch, 2)
    design = json.loads((bench.compiled / "design.json").read_text())
    return Simulator(executable, design, bench.compiled / "rtl", scratch, 100_000)


def test_the_fifo_at_the_input_lets_the_dma_work_ahead(tmp_path: Path) -> None:
    # The first layer reads an image in 16 beats of 32 bytes, one a cycle, and computes for 48 more;
    # a DMA of 8 bytes brings a beat every 4 cycles, so that it must never pause.
    bench = compile_network(tmp_path, (512, 16, 8, 8, 4), [[4, 32], [8, 2], [8, 2], [4, 2]])
    metrics = json.loads((bench.size() / "metrics.json").read_text())
    assert metrics["ii_sized"] == metrics["ii_unsized"] == 64
    assert metrics["dma_cycles"] == metrics["ii_with_dma"] == 64
    simulator = adjustable(bench, tmp_path)
    frames = bench.mlp.images[np.arange(60) % IMAGES]
    depths = [fifo["depth"] for fifo in metrics["fifos"]]
    outputs, run = simulator.run(frames, depths, dma_bytes_per_cycle=8)
    assert run.ii == 64
    np.testing.assert_array_equal(outputs, simulator.run(frames, depths)[0])
    for less in (depths[0] - 1, MIN_DEPTH):
        interval = simulator.run(frames, [less, *depths[1:]], dma_bytes_per_cycle=8)[1].ii
        assert interval is not None
        assert interval > 64
    assert depths[1:] == [MIN_DEPTH] * len(depths[1:])


def test_finns_build_has_the_fifo_at_the_input_behind_its_dma(bench: Bench) -> None:
    streams = json.loads((bench.compiled / "design.json").read_text())["streams"]
    depths = [200, *[MIN_DEPTH] * (len(streams) - 1)]
    part = "xc7z020clg400-1"
    model = insert_fifos(ModelWrapper(str(bench.compiled / "board.onnx")), depths, part)
    model = model.transform(InsertIODMA(64))
    dma, fifo, layer = list(model.graph.node)[:3]
    assert [dma.op_type, fifo.op_type[:13]] == ["IODMA_hls", "StreamingFIFO"]
    assert (dma.output[0], fifo.output[0]) == (fifo.input[0], layer.input[0])
    assert getCustomOp(dma).get_nodeattr("intfWidth") == 64
    assert getCustomOp(fifo).get_nodeattr("depth") == 256  # the next power of two


def test_no_fifo_could_be_any_shallower(bench: Bench, tmp_path: Path) -> None:
    simulator = adjustable(bench, tmp_path)
    limits = [max_depth(stream) for stream in simulator.design["streams"]]
    sizing = size_fifos(simulator, bench.mlp.images, limits, II, 8, lambda text: None)
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
