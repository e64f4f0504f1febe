"""Faults of FINN+ that designs may meet: when, and what is said about them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accelerators import Bench
from compile_stage import compile_export
from finn_worker.known_faults import overflowing_queues
from quantized_mlp import QuantizedMLP
from test_rtl_standins import compare, finn_module, own_module

FIRST = "MVAU_rtl_0"
MVU_MODULES = [
    finn_module("mvu/mvu_pkg.sv", rename=False),
    finn_module("mvu/replay_buffer.sv", rename=False),
    own_module("standins/mvu.sv"),
    finn_module("mvu/mvu_vvu_axi.sv", rename=False),
]


def test_warned_of_are_exactly_the_shapes_that_lose_results(tmp_path: Path) -> None:
    shapes = [(simd, sf, nf) for simd in (1, 3, 8, 49, 64) for sf in (1, 2, 3) for nf in (1, 4)]
    configurations = [{"SIMD": simd, "SF": sf, "NF": nf} for simd, sf, nf in shapes]
    found = compare("mvu_results", configurations, MVU_MODULES, tmp_path, tmp_path)
    for (simd, sf, nf), (wrong, delivered) in zip(shapes, found, strict=True):
        layer = {"name": FIRST, "op_type": "MVAU_rtl", "mw": simd * sf, "simd": simd}
        warned = overflowing_queues([layer]) is not None
        assert warned == (wrong > 0), (simd, sf, nf)
        assert delivered > 1000, (simd, sf, nf)


def test_layers_that_vitis_hls_would_build_are_not_warned_of() -> None:
    layers = [
        {"name": "MVAU_hls_0", "op_type": "MVAU_hls", "mw": 8, "simd": 8},
        {"name": "Thresholding_rtl_0", "op_type": "Thresholding_rtl", "mw": None, "simd": None},
    ]
    assert overflowing_queues(layers) is None


@pytest.mark.parametrize(("pe", "simd", "safe"), [(4, 64, False), (8, 32, True)])
def test_wrong_outputs_are_put_down_to_the_fault(
    tmp_path: Path, pe: int, simd: int, safe: bool
) -> None:
    # The first layer takes 4 cycles an image either way; the second one takes 64.
    folding = [[pe, simd], [2, 2], [2, 2], [2, 2]]
    network = QuantizedMLP((64, 16, 16, 8, 4))
    export = network.export(tmp_path / "export")
    predictions = network.logits.argmax(axis=1)
    sets = {"images": network.images, "labels": predictions, "predictions": predictions}
    np.savez(export / "test_set.npz", **sets)
    compiled = compile_export(tmp_path / "compile", export, folding=folding)
    about = [event["text"] for event in compiled.events if FIRST in event.get("text", "")]
    assert len(about) == (0 if safe else 1)

    bench = Bench(network, tmp_path, export, compiled.outputs)
    _, metrics, events = bench.run("simulate", images=len(network.images))
    assert metrics["bit_exact"] == safe
    assert (f"fault in FINN+: {FIRST}" in events) != safe
