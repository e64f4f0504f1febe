"""A simulation in parts: the same outputs, one report of a failure, and nothing left running."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from qonnx.core.datatype import DataType
from qonnx.core.modelwrapper import ModelWrapper

from accelerators import FOLDING, II, IMAGES, SIZES, Bench, compile_network
from finn_worker import parts, reference
from finn_worker.parts import Part, split
from finn_worker.simulator import Running, Simulator, StalledError
from finn_worker.simulator_build import build, gather
from stagekit import StageError

STREAMS = 9
HALVES = [Part(0, 7, timed=True), Part(7, 12, timed=False), Part(12, IMAGES, timed=False)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return compile_network(tmp_path_factory.mktemp("parts"), SIZES, FOLDING)


@pytest.fixture(scope="module")
def simulator(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    scratch = tmp_path_factory.mktemp("scratch")
    executable = build(gather(bench.compiled), bench.folder / "cache", scratch, 2)
    design = json.loads((bench.compiled / "design.json").read_text())
    return Simulator(executable, design, bench.compiled / "rtl", scratch, 100_000)


@pytest.fixture(scope="module")
def depths(bench: Bench) -> list[int]:
    metrics = json.loads((bench.size() / "metrics.json").read_text())
    return [fifo["depth"] for fifo in metrics["fifos"]]


@pytest.mark.parametrize("processes", [1, 2, 3, 16])
@pytest.mark.parametrize("images", [2, 20, 100, 10_000])
@pytest.mark.parametrize("cycles", [10, 115_200.0, 1e8])
def test_every_image_is_in_one_part(images: int, cycles: float, processes: int) -> None:
    found = split(images, cycles, STREAMS, processes)
    assert [part.start for part in found] == [0, *(part.stop for part in found[:-1])]
    assert found[-1].stop == images
    assert [part.timed for part in found] == [True] + [False] * (len(found) - 1)
    assert found[0] == split(images, cycles, STREAMS, 1)[0]
    assert len(found) <= processes + 1


def test_a_short_simulation_is_not_split() -> None:
    assert split(10_000, 64, STREAMS, 8) == [Part(0, 10_000, timed=True)]


def test_outputs_are_those_of_one_process_and_cycles_those_of_the_first_part(
    bench: Bench, simulator: Simulator, depths: list[int]
) -> None:
    images = bench.mlp.images
    whole, _ = simulator.run(images, depths)
    told: list[int] = []
    outputs, run = parts.simulate(simulator, images, depths, HALVES, 2, told.append)
    np.testing.assert_array_equal(outputs, whole)
    assert run == simulator.run(images[:7], depths, count_waits=True)[1]
    assert run.ii == II
    assert told == sorted(told)
    assert told[-1] == IMAGES


def test_a_part_that_stalls_is_reported_once_and_the_others_are_ended(
    bench: Bench, simulator: Simulator, depths: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Simulator.run
    started = threading.Event()

    def stall(self: Simulator, images: Any, *arguments: Any, running: Running, **more: Any) -> Any:
        if len(images) == 5:
            assert started.wait(60)
            raise StalledError("a_to_b", 3, 4, "with small FIFOs")
        if len(images) == 7:
            with running.process(["sleep", "60"]) as process:
                started.set()
                process.wait()
            raise StageError("It was ended.")
        return run(self, images, *arguments, running=running, **more)

    monkeypatch.setattr(Simulator, "run", stall)
    begin = time.monotonic()
    with pytest.raises(StalledError, match=r"after 4 images.*begin with number 7\.") as caught:
        parts.simulate(simulator, bench.mlp.images, depths, HALVES, 3, lambda _: None)
    assert "begin with number 7" in caught.value.what
    assert time.monotonic() - begin < 50


def test_what_is_started_after_the_end_is_ended_too() -> None:
    running = Running()
    running.end()
    with running.process(["sleep", "60"]) as process:
        assert process.wait(timeout=50) == -9


def test_the_stage_says_which_images_were_timed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench.run("whole")
    monkeypatch.setattr(parts, "TIMED_WORK", 8 * II * STREAMS)
    monkeypatch.setattr(parts, "LEAST_IMAGES", 4)
    split_up = bench.run("split")
    assert whole[1]["timed_images"] == IMAGES
    assert 4 <= split_up[1]["timed_images"] < IMAGES
    assert split_up[1]["bit_exact"]
    for name in ("ii_simulated", "latency_cycles", "accuracy", "agreeing_with_torch"):
        assert split_up[1][name] == whole[1][name]
    with (
        np.load(whole[0] / "predictions.npz") as one,
        np.load(split_up[0] / "predictions.npz") as other,
    ):
        np.testing.assert_array_equal(one["outputs"], other["outputs"])


def test_the_reference_is_the_same_in_several_processes(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = bench.compiled / "streamlined.onnx", bench.mlp.images
    alone = reference.accelerator_outputs(model, images, lambda _: None)
    monkeypatch.setattr(reference, "BATCH", 6)
    monkeypatch.setattr(reference, "WORTH", 0.0)
    told: list[int] = []
    shared = reference.accelerator_outputs(model, images, told.append, processes=2)
    np.testing.assert_array_equal(alone, shared)
    assert told == sorted(told)
    assert told[-1] == IMAGES


def test_a_reference_that_fails_elsewhere_is_an_error(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference, "BATCH", 6)
    monkeypatch.setattr(reference, "WORTH", 0.0)
    started = subprocess.Popen
    monkeypatch.setattr(reference.subprocess, "Popen", lambda *_, **__: started("false"))
    with pytest.raises(StageError, match="in a process of its own"):
        reference.accelerator_outputs(
            bench.compiled / "streamlined.onnx", bench.mlp.images, lambda _: None, processes=2
        )


def test_a_streamlined_model_with_a_hardware_layer_is_executed_in_a_process_of_its_own(
    tmp_path: Path,
) -> None:
    """The simulate stage imports nothing of FINN+ but what the model needs."""
    info = helper.make_tensor_value_info
    node = helper.make_node(
        "GlobalAccPool", ["x"], ["y"], name="GlobalAccPool_0",
        domain="finn.custom_op.fpgadataflow", backend="fpgadataflow", NumChannels=3, PE=1,
        inputDataType="UINT4", numInputVectors=[1, 2, 2],
    )  # fmt: skip
    ends = info("x", TensorProto.FLOAT, [1, 2, 2, 3]), info("y", TensorProto.FLOAT, [1, 1, 1, 3])
    model = ModelWrapper(helper.make_model(helper.make_graph([node], "sum", ends[:1], ends[1:])))
    model.set_tensor_datatype("x", DataType["UINT4"])
    model.save(str(tmp_path / "sum.onnx"))
    images = np.arange(5 * 12).reshape(5, 2, 2, 3) % 16
    np.save(tmp_path / "images.npy", images.astype(np.uint8))
    command = [sys.executable, "-m", "finn_worker.reference"]
    files = [str(tmp_path / name) for name in ("sum.onnx", "images.npy", "outputs.npy")]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([*command, *files], env=variables, check=True)
    outputs = np.load(tmp_path / "outputs.npy")
    assert np.array_equal(outputs.reshape(5, 3), images.sum(axis=(1, 2)))
