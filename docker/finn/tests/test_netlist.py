"""Netlists that Yosys maps do what the RTL does: in every cycle, under random pauses."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from accelerators import Bench, compile_cnn
from finn_worker.accelerator import Accelerator
from finn_worker.mapping import netlist, verify
from finn_worker.mapping.mapper import Mapper
from finn_worker.mapping.netlist import Netlist
from finn_worker.mapping.primitives import models
from quantized_cnn import Conv, Dense, QuantizedCNN
from stagekit import Reporter, StageError

NETWORK = (Conv(channels=4, pad=1), Dense(8))
FOLDING = [[2, 3], [8, 2]]
OF_LUTS = [("MVAU_0", "core", "lut")]
DEEP = 40


@pytest.fixture(scope="module")
def mapper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapper]:
    """For 7-series, with a cache."""
    with Mapper("xc7", tmp_path_factory.mktemp("mapped")) as made:
        yield made


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    network = QuantizedCNN(NETWORK, (1, 6, 6))
    return compile_cnn(tmp_path_factory.mktemp("netlist"), network, FOLDING, options=OF_LUTS)


@pytest.fixture(scope="module")
def accelerator(bench: Bench) -> Accelerator:
    return Accelerator.load(bench.compiled)


@pytest.fixture(scope="module")
def depths(accelerator: Accelerator) -> list[int]:
    """One FIFO is deep; the others are as shallow as can be."""
    return [DEEP, *[2] * (len(accelerator.design["streams"]) - 1)]


def of_parts(checked: verify.Checked, mapper: Mapper) -> Netlist:
    parts = checked.divided.parts
    return netlist.composed(parts, [mapper.layer(p.source, boxes=p.boxes) for p in parts])


def test_one_layer_of_each_kind_equals_its_rtl(
    bench: Bench, accelerator: Accelerator, depths: list[int], mapper: Mapper
) -> None:
    found = verify.verify(
        accelerator, depths, 3, mapper, bench.request("layers"), Reporter(io.StringIO())
    )
    kinds = {node["op_type"] for node in accelerator.design["nodes"]}
    assert kinds == {
        "ConvolutionInputGenerator_rtl", "FMPadding_rtl", "MVAU_rtl",
        "StreamingDataWidthConverter_rtl", "Thresholding_rtl",
    }  # fmt: skip
    assert {node.get("core") for node in accelerator.design["nodes"]} == {None, "dsp", "lut"}
    assert (found["different"], found["not_compared"]) == ({}, {})
    assert found["equal"] == len(accelerator.design["nodes"]) + len(depths)
    streams = accelerator.design["streams"]
    # Each stream is an output of a layer or of the design, and of a FIFO.
    assert found["transfers"] > 3 * sum(stream["beats"] for stream in streams)
    assert found["cycles"] > found["transfers"] / 4
    matrix = next(each for each in verify.checked(accelerator, depths) if "MVAU_rtl_1" in each.name)
    assert {"DSP48E1", "RAMB36E1"} < of_parts(matrix, mapper).kinds
    # Its core is put together of two groups of lanes and what is around them.
    assert [part.times for part in matrix.divided.parts] == [1, 2]


def test_parts_of_other_families_are_refused() -> None:
    verify.check_family("xc7", "xc7z020")
    with pytest.raises(StageError, match="xczu7ev cannot be simulated: there are models of the"):
        verify.check_family("xcup", "xczu7ev")
    with pytest.raises(StageError, match="no model of RAMB36E2, URAM288"):
        models({"URAM288", "RAMB36E2", "LUT1"})
