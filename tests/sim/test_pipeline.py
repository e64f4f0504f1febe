"""From data set to report for real, and what a second run and a killed one do."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from real_runs import GRID, Bench

from bench.session.grids import open_grid

IMAGE_BYTES, DMA_BYTES_PER_CYCLE = 256, 8
MIDDLE_SECONDS = 1.0  # most stages take longer
ENDS_SECONDS = 60.0  # a second, but for a worker that imports torch on a busy machine
# The simulator is built by then, and the host's stages need no new process.
SHORT_STAGES = {"dataset": 0.2, "simulate": 0.2, "measure": 0.2}


def test_a_report_with_its_drawings_can_be_published(undisturbed: Bench, tmp_path: Path) -> None:
    archive = str(tmp_path / "tiny.zip")
    for command in (
        ("export", str(GRID), "--runner", "venv", "--output", archive),
        ("verify", archive),
    ):
        running = undisturbed.start(*command)
        output, _ = running.communicate(timeout=300)
        assert running.returncode == 0, output


def test_every_point_is_bit_exact_at_the_estimated_interval(undisturbed: Bench) -> None:
    results = undisturbed.results()
    assert list(results["status"]) == ["done", "done"]
    assert results["bit_exact"].all()
    assert list(results["ii_estimated"]) == [4096, 64]
    np.testing.assert_allclose(results["ii_simulated"], results["ii_estimated"], rtol=0.01)
    assert (results["ii_unsized"] >= results["ii_simulated"]).all()
    assert (results["latency_cycles"] > results["ii_simulated"]).all()


def test_numbers_that_must_agree_do(undisturbed: Bench) -> None:
    results = undisturbed.results()
    np.testing.assert_allclose(results["fps_core"], 100e6 / results["ii_simulated"])
    np.testing.assert_allclose(results["fps_measured"], 100e6 / results["ii_measured"])
    bound = results["ii_simulated"].clip(lower=IMAGE_BYTES / DMA_BYTES_PER_CYCLE)
    np.testing.assert_allclose(results["ii_measured"], bound, rtol=0.01)
    assert set(results["measured_on"]) == {"emulated-board"}
    assert results["accuracy"].nunique() == 1, "one training serves both foldings"
    assert results["sim_accuracy"].nunique() == 1, "a folding changed what is computed"
    assert 0.3 < results["accuracy"][0] <= 1, "the network has learned nothing"


def test_a_second_run_does_nothing_and_says_so(undisturbed: Bench) -> None:
    before = undisturbed.results()
    output = undisturbed.run_grid()
    assert "Nothing to do" in output
    assert "started" not in output
    assert undisturbed.results().equals(before)


def test_a_corrupted_artifact_is_rebuilt_and_the_results_stay(undisturbed: Bench) -> None:
    before = undisturbed.results()
    victim = next(undisturbed.store.glob("simulate/*-max--*/files/predictions.npz"))
    content = bytearray(victim.read_bytes())
    content[-100] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(content)
    output = undisturbed.run_grid()
    assert "predictions.npz has another SHA-256" in output
    assert "1 task done" in output, "a rebuilt input with equal content reran its dependants"
    assert undisturbed.results().equals(before)


def test_killed_in_every_stage_it_still_ends_in_the_same_results(
    undisturbed: Bench, tmp_path: Path
) -> None:
    bench = Bench(tmp_path)
    for stage in open_grid(GRID).grid.stages:
        if stage.environment == "vivado":
            continue  # skipped here: it never starts
        # What nothing comes before may have been made while another was waited for.
        shutil.rmtree(tmp_path / stage.name, ignore_errors=True)
        _kill_when_it_starts(bench, stage.name)
    bench.run_grid()
    assert bench.results().equals(undisturbed.results())
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_interrupt_is_exit_130_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    running = _wait_for(bench, "train")
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 130, output
    assert "interrupted" in output
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list(tmp_path.glob("train/*")) == []
    assert len(list(tmp_path.glob("dataset/*/manifest.json"))) == 1


def _wait_for(bench: Bench, stage: str) -> subprocess.Popen[str]:
    """Start a run and return once `stage` has started."""
    running = bench.start("run", str(GRID), "--runner", "venv", "--jobs", "1")
    assert running.stdout is not None
    for line in running.stdout:
        if f" {stage} " in line and line.rstrip().endswith("started"):
            return running
    pytest.fail(f"the run ended before stage {stage} started")


def _kill_when_it_starts(bench: Bench, stage: str) -> None:
    running = _wait_for(bench, stage)
    time.sleep(SHORT_STAGES.get(stage, MIDDLE_SECONDS))
    workers = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.wait()
    assert running.stdout is not None
    running.stdout.close()
    _, alive = psutil.wait_procs(workers, timeout=ENDS_SECONDS)
    assert alive == [], f"workers of stage {stage} outlived their orchestrator"
