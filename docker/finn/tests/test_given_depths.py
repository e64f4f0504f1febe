"""Depths of FIFOs that a folding gives: honoured, with what they do to the interval."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from accelerators import FOLDING, II, SIZES, Bench, compile_exported
from contract.finn.size import STAGE as SIZE
from finn_worker import given_depths
from finn_worker.fifo_sizing import Sizing
from finn_worker.simulator import StalledError
from finn_worker.size import size
from quantized_mlp import QuantizedMLP
from stage_runs import run
from stagekit import Infeasible

DEEP = "MVAU_rtl_1_to_Thresholding_rtl_1"
FOUND = Sizing((2, 9, 2), 100.0, 110.0, None, None, 6)


def compiled(folder: Path, *options: Any) -> Bench:
    mlp = QuantizedMLP(SIZES, weight_bits=3, act_bits=2)
    return compile_exported(mlp, folder, mlp.export(folder / "export"), FOLDING, options=options)


def test_a_stream_is_as_deep_as_the_deeper_end_asks_for(tmp_path: Path) -> None:
    bench = compiled(
        tmp_path,
        ("MVAU_1", "outFIFODepths", [8]),
        ("Thresholding_1", "inFIFODepths", [16]),
        ("MVAU_0", "inFIFODepths", [3]),
    )
    metrics = json.loads((bench.compiled / "metrics.json").read_text())
    assert metrics[given_depths.METRIC] == {"input_to_MVAU_rtl_0": 3, DEEP: 16}
    sized = json.loads((bench.size() / "metrics.json").read_text())
    depths = {fifo["stream"]: fifo["depth"] for fifo in sized["fifos"]}
    assert (depths[DEEP], depths["input_to_MVAU_rtl_0"]) == (16, 3)
    assert sized["ii_sized"] == sized["ii_without_given_depths"] == II


def test_fifos_too_shallow_for_the_interval_are_built_and_said_so(tmp_path: Path) -> None:
    kinds, sides = ("MVAU", "Thresholding"), ("inFIFODepths", "outFIFODepths")
    bench = compiled(tmp_path, *((kind, side, [2]) for kind in kinds for side in sides))
    _, sized, events = run(size, bench.request("size", stage=SIZE))
    assert sized["ii_sized"] == sized["ii_unsized"] > sized["ii_without_given_depths"] == II
    said = f"takes {sized['ii_sized']:g} cycles instead of {II}"
    assert said in events


@pytest.mark.parametrize("depth", [1, 100_000])
def test_depths_that_cannot_be_simulated_are_refused(tmp_path: Path, depth: int) -> None:
    with pytest.raises(Infeasible, match=rf"{DEEP} cannot have {depth} words: 2 to \d+ can"):
        compiled(tmp_path, ("MVAU_1", "outFIFODepths", [depth]))


def test_as_many_depths_as_streams_are_needed(tmp_path: Path) -> None:
    with pytest.raises(Infeasible, match="gives 2 depths; one for each input would do: 1"):
        compiled(tmp_path, ("MVAU_1", "inFIFODepths", [2, 2]))


class Simulated:
    """An accelerator whose interval follows from the depths of its second and third FIFO."""

    design: ClassVar = {"streams": [{"name": name} for name in "abc"]}

    def run(
        self, frames: Any, depths: Any, dma_bytes_per_cycle: int, timing_only: bool
    ) -> tuple[None, Any]:
        if depths[1] < 4:
            raise StalledError("b", 3, 0, "with FIFOs")
        ii = max(100.0, 400 - 50 * depths[1] - 10 * depths[2], 110.0 * bool(dma_bytes_per_cycle))
        return None, type("Run", (), {"ii": ii})


BENCH = given_depths.Bench(Simulated(), np.zeros((6, 1)), (64, 64, 64), 8)  # type: ignore[arg-type]


def test_others_are_deepened_where_that_makes_up_for_a_shallow_one() -> None:
    kept = given_depths.keep(FOUND, {"b": 5}, BENCH)
    assert (kept.depths, kept.ii, kept.ii_with_dma) == ((8, 5, 8), 100.0, 110.0)
    assert "the interval is kept" in given_depths.said({"b": 5}, FOUND, kept)


def test_where_nothing_helps_the_interval_is_what_it_is() -> None:
    kept = given_depths.keep(FOUND, {"b": 4, "c": 2}, BENCH)
    assert (kept.depths, kept.ii) == ((2, 4, 2), 180.0)
    text = given_depths.said({"b": 4, "c": 2}, FOUND, kept)
    assert "2 FIFOs" in text
    assert "180 cycles instead of 100" in text


def test_depths_that_stall_are_a_finding() -> None:
    with pytest.raises(Infeasible) as caught:
        given_depths.keep(FOUND, {"b": 3}, BENCH)
    assert "as deep as is asked for (b 3)" in str(caught.value)
    assert "stream 'b' holds 3 items" in str(caught.value)
