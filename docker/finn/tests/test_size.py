"""The size stage: the smallest FIFOs, and what shows that they are."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import finn
import numpy as np
import pytest
from finn.transformation.fpgadataflow.insert_iodma import InsertIODMA
from onnx import helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from accelerators import FOLDING, II, IMAGES, SIZES, Bench, compile_network
from contract.finn.size import STAGE as SIZE
from finn_worker import simulator, toolchain
from finn_worker.accelerator import fifo_table
from finn_worker.fifo_sizing import size_fifos
from finn_worker.rtl.patches import patch
from finn_worker.rtl.top import MIN_DEPTH, fifo_width, max_depth, top_module
from finn_worker.simulator import Simulator, StalledError
from finn_worker.simulator_build import build, gather
from finn_worker.size import KnownSizing, size
from finn_worker.synthesis_build import insert_fifos
from stagekit import Reporter, StageError

FINN_RTL = Path(str(finn.__file__)).parent / "finn-rtllib"


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
        design = json.loads((bundle / "design.json").read_text())
        top = top_module(design, [MIN_DEPTH] * len(depths))
        return replace(found, rtl={**found.rtl, "top.sv": top})

    monkeypatch.setattr("finn_worker.simulator_build.gather", shallow)
    request = bench.request("other fifos", stage=SIZE)
    with pytest.raises(StageError, match="FINN's own FIFOs give"):
        size(request, Reporter(io.StringIO()))


@pytest.mark.parametrize(
    ("stalls", "text"),
    [
        (lambda real, rate, dma: rate > 0, r"an image every \d+ cycles: stream 'a_to_b' holds 3"),
        (lambda real, rate, dma: dma > 0, "behind DMAs of 8 bytes per cycle: stream 'a_to_b'"),
        (lambda real, rate, dma: real, "FINN's own FIFOs: .* after 4 images with FIFOs of"),
        (lambda real, rate, dma: real and dma, "FINN's own FIFOs.*behind DMAs of 8 .*'a_to_b'"),
    ],
    ids=["throttled", "behind a DMA", "with FINN's FIFOs", "with both"],
)
def test_a_stall_in_any_simulation_says_where_and_what_was_tried(
    bench: Bench,
    stalls: Callable[[bool, int, int], bool],
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = Simulator.run
    built: list[Path] = []

    def run(
        self: Simulator,
        images: Any,
        depths: Any,
        cycles_per_image: int = 0,
        dma_bytes_per_cycle: int = 0,
        **more: Any,
    ) -> Any:
        built.append(self.executable)
        if stalls(self.executable != built[0], cycles_per_image, dma_bytes_per_cycle):
            tried = simulator.conditions(depths, cycles_per_image, dma_bytes_per_cycle)
            raise StalledError("a_to_b", 3, 4, tried)
        return runs(self, images, depths, cycles_per_image, dma_bytes_per_cycle, **more)

    monkeypatch.setattr(Simulator, "run", run)
    request = bench.request(f"stall {text}", stage=SIZE)
    with pytest.raises(StageError, match=text) as caught:
        size(request, Reporter(io.StringIO()))
    assert "report it with the network and the folding" in caught.value.remedy.lower()


def test_the_search_is_held_to_a_simulation_with_results(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Simulator.run

    def run(self: Simulator, *arguments: Any, timing_only: bool = False, **more: Any) -> Any:
        outputs, found = runs(self, *arguments, timing_only=timing_only, **more)
        return outputs, replace(found, ii=found.ii - 1) if timing_only and found.ii else found

    monkeypatch.setattr(Simulator, "run", run)
    request = bench.request("another interval", stage=SIZE)
    with pytest.raises(StageError, match=f"{II:.1f} cycles with results, and {II - 1:.1f} in"):
        size(request, Reporter(io.StringIO()))


def test_fifos_are_as_wide_as_finns(tmp_path: Path) -> None:
    """FINN pads streams to whole bytes; with less than 5 bits its FIFO would be another one."""
    toolchain.prepare(tmp_path)
    for bits in range(1, 10):
        node = helper.make_node(
            "StreamingFIFO_rtl", ["in"], ["out"], "fifo", backend="fpgadataflow", depth=300,
            domain="finn.custom_op.fpgadataflow.rtl", folded_shape=[1, 600, 1],
            normal_shape=[1, 600], dataType=f"UINT{bits}", code_gen_dir_ipgen=str(tmp_path),
        )  # fmt: skip
        getCustomOp(node).generate_hdl(None, "xc7z020clg400-1", 10.0)
        stream = {"name": "s", "width_bits": bits, "beats": 600, "producer": "a", "consumer": "b"}
        design = {"streams": [stream], "nodes": []}
        (width,) = re.findall(r"DATA_WIDTH\((\d+)\)", (tmp_path / "fifo.v").read_text())
        assert fifo_width(stream) == int(width)
        assert f".WIDTH({width})" in top_module(design)
        assert f".WIDTH({width}), .DEPTH(300)" in top_module(design, [300])
        (fifo,) = fifo_table(design, [300])
        assert (fifo["width_bits"], fifo["bits"]) == (int(width), 300 * int(width))


def test_a_two_bit_stream_has_block_ram_as_in_finn(tmp_path: Path) -> None:
    """600 beats of INT2 through a FIFO of 300: 602 cycles, one less without the padding."""
    stream = {"name": "in_to_out", "width_bits": 2, "beats": 600}
    port = {"bits": 2, "elements": 600, "elements_per_beat": 1, "beats": 600, "bytes_per_beat": 1}
    port |= {"signed": 1}
    design = {"streams": [stream], "nodes": [], "input": port, "output": port, "sources": []}
    (tmp_path / "memories").mkdir()
    (tmp_path / "design.json").write_text(json.dumps(design))
    fifo = (FINN_RTL / "fifo/hdl/fifo.sv").read_text()
    images = np.random.default_rng(0).integers(0, 4, (1, 600), dtype=np.uint8)
    found = []
    for depths in (None, [300]):
        sources = gather(tmp_path, depths)
        if depths:
            sources = replace(sources, rtl={"fifo.sv": patch("fifo.sv", fifo), **sources.rtl})
        executable = build(sources, tmp_path / "cache", tmp_path, 2)
        outputs, run = Simulator(executable, design, tmp_path, tmp_path, 1000).run(images, [300])
        np.testing.assert_array_equal(outputs, (images.astype(np.int64) ^ 2) - 2)
        found.append((run.cycles, run.latency_cycles))
    assert found == [(602, 602)] * 2


def test_sizing_of_another_design_is_refused(bench: Bench) -> None:
    design = json.loads((bench.compiled / "design.json").read_text())
    with pytest.raises(StageError, match="another design"):
        KnownSizing.load(bench.size(), {"streams": design["streams"][1:]})


def adjustable(bench: Bench, scratch: Path) -> Simulator:
    executable = build(gather(bench.compiled), bench.folder / "cache", scratch, 2)
    design = json.loads((bench.compiled / "design.json").read_text())
    return Simulator(executable, design, bench.compiled / "rtl", scratch, 100_000)


def test_cycles_do_not_depend_on_sums(bench: Bench, tmp_path: Path) -> None:
    simulator = adjustable(bench, tmp_path)
    least = [MIN_DEPTH] * len(simulator.design["streams"])
    for depths in (least, [max_depth(stream) for stream in simulator.design["streams"]]):
        for pace, dma in ((0, 0), (3 * II, 0), (0, 8)):
            outputs, run = simulator.run(bench.mlp.images, depths, pace, dma, count_waits=True)
            others, timed = simulator.run(
                bench.mlp.images, depths, pace, dma, count_waits=True, timing_only=True
            )
            assert timed == run
            assert outputs.any()
            assert not others.any()


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
