"""`make reproduce BOARD=user@host XILINX_VIVADO=...` as far as it goes without either.

The command, the pipeline, the stages synthesize and measure, SSH and the report are the real ones.
Stand-ins: what Vivado and FINN+ would build, and on the board PYNQ and FINN+'s driver.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from bare_runner import BareRunner
from bench.boards.trust import trust
from bench.cli import main
from bench.console.events import Emit
from bench.datasets.fetching import fetch as fetching
from bench.paths import ROOT
from bench.runners import Job
from bench.runners.vivado import why_none
from bench.runners.wire import Request, Result
from bench.session import runners

sys.path[:0] = [str(ROOT / "docker" / name) for name in ("common", "finn")]

import fake_driver  # noqa: E402
from finn_worker import synthesize as stage  # noqa: E402
from stagekit import Reporter  # noqa: E402
from stagekit import Request as WorkerRequest  # noqa: E402
from test_ssh_pynq import KEY, Board  # noqa: E402

IMAGES, ELEMENTS, CLASSES = 40, 16, 3
PART = "xc7z020clg400-1"
GRID = f"""
name = "contract"
[train]
network = "TFC"
dataset = "MNIST"
bits = [[2, 2]]
seeds = [1]
epochs = 1
milestones = []
[build]
foldings = ["low", "max"]
board = "Pynq-Z1"
clock_mhz = 100.0
[simulate]
images = {IMAGES}
[measure]
images = {IMAGES}
"""


class ContractRunner(BareRunner):
    """Does the worker stages' work with stand-ins, but for `synthesize`, which is the real one."""

    name = "contract"

    def __init__(self, vivado: Path | None) -> None:
        super().__init__()
        self.lacking = {"vivado": why_none({"XILINX_VIVADO": str(vivado)} if vivado else {})}

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        job.log.touch()
        outputs = job.request.outputs
        if job.request.stage == "synthesize":
            job.request.write(job.request.scratch / "request.json")
            request = WorkerRequest.load(job.request.scratch / "request.json")
            stage.synthesize(request, Reporter(io.StringIO()), build)
        else:
            {"export": export, "simulate": simulate}.get(job.request.stage, nothing)(outputs)
        return Result("done", "", "", "", {}, {}, 1)


def nothing(outputs: Path) -> None:
    (outputs / "metrics.json").write_text("{}")


def images() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (IMAGES, ELEMENTS), dtype=np.uint8)


def export(outputs: Path) -> None:
    nothing(outputs)
    labels = np.argmax(images()[:, :CLASSES], axis=1).astype(np.uint8)
    np.savez(outputs / "test_set.npz", images=images(), labels=labels, predictions=labels)


def simulate(outputs: Path) -> None:
    metrics = {"ii_simulated": 64.0, "fifos": [{"depth": 2}, {"depth": 40}], "bit_exact": True}
    (outputs / "metrics.json").write_text(json.dumps(metrics))
    np.savez(outputs / "predictions.npz", outputs=images()[:, :CLASSES].astype(np.int64) - 100)
    package = outputs / "package"
    package.mkdir()
    scale, bias = np.ones(CLASSES, np.float32), np.zeros(CLASSES, np.float32)
    np.savez(package / "postprocess.npz", scale=scale, bias=bias)
    port = {"datatype": "UINT8", "elements": ELEMENTS, "beats": 2, "bytes_per_beat": 8}
    output = port | {"datatype": "INT9", "elements": CLASSES}
    described = {"board": "Pynq-Z1", "part": PART, "clock_mhz": 100.0, "dma_bytes_per_cycle": 8,
                 "input": port, "output": output}  # fmt: skip
    (package / "package.json").write_text(json.dumps(described))


def build(work: Path, plan: Path) -> int:
    """What FINN+'s build leaves, with reports in Vivado's format."""
    assert json.loads(plan.read_text())["part"] == PART
    output = work / "output"
    for name in ("report", "bitfile", "driver"):
        (output / name).mkdir(parents=True)
    top = {"LUT": 9876, "SRL": 12, "FF": 8765, "BRAM_36K": 3, "BRAM_18K": 5, "DSP": 7}
    (output / "report" / "post_synth_resources.json").write_text(json.dumps({"(top)": top}))
    reports = ROOT / "tests" / "unit" / "runners" / "vivado"
    timing = (reports / "timing_summary_routed.rpt").read_text()
    timing = timing.format(wns="0.123", whs="0.021", wpws="3.750")
    (output / "report" / "post_route_timing.rpt").write_text(timing)
    power = (reports / "power_routed.rpt").read_text()
    (output / "report" / "power.rpt").write_text(power)
    (output / "bitfile" / "finn-accel.bit").write_bytes(fake_driver.bit_file("7z020clg400"))
    (output / "bitfile" / "finn-accel.hwh").write_text(fake_driver.hwh_file(100.0))
    settings = json.dumps(fake_driver.settings(ELEMENTS, CLASSES))
    (output / "driver" / "settings.json").write_text(settings)
    return 0


@pytest.fixture
def vivado(tmp_path: Path) -> Path:
    program = tmp_path / "Vivado" / "2022.2" / "bin" / "vivado"
    program.parent.mkdir(parents=True)
    program.touch()
    return program.parent.parent


@pytest.fixture
def targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Two boards that this user trusts and has a key for, as --board names them."""
    home = tmp_path / "user"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_bytes(KEY.export_private_key())
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with ExitStack() as stack:
        boards = [stack.enter_context(Board(tmp_path / name)) for name in ("one", "two")]
        for board in boards:
            trust(board.address.host, board.address.port, board.address.host_key)
        yield [f"xilinx@{board.address.host}:{board.address.port}" for board in boards]


@pytest.fixture
def grid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def fetch(request: Request, *_: object) -> None:
        nothing(request.outputs)

    monkeypatch.setattr(fetching, "fetch", fetch)
    (tmp_path / "foldings.toml").write_text((ROOT / "experiments" / "foldings.toml").read_text())
    (tmp_path / "contract.toml").write_text(GRID)
    return tmp_path / "contract.toml"


def reproduce(
    grid: Path, targets: list[str], vivado: Path | None, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, str]]:
    """`bench run` on boards; the rows of results.csv."""
    choice = runners.Choice(ContractRunner(vivado), "contract")
    monkeypatch.setattr(runners, "choose_runner", lambda *_: choice)
    if vivado:
        monkeypatch.setenv("XILINX_VIVADO", str(vivado))
    store = grid.parent / "store"
    boards = [word for target in targets for word in ("--board", target)]
    assert main(["run", str(grid), *boards, "--store", str(store), "--jobs", "2"]) == 0
    with (store / "reports" / "contract" / "results.csv").open() as file:
        return list(csv.DictReader(file))


def test_bitstreams_are_built_and_measured_on_the_boards(
    grid: Path, targets: list[str], vivado: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = reproduce(grid, targets, vivado, monkeypatch)
    assert len(rows) == 2
    for row in rows:
        assert (row["status"], row["measured_on"]) == ("done", "board")
        assert row["board_name"] in targets
        assert float(row["fps_measured"]) > 0
        assert row["synthesis"] == "done"
        assert (row["lut_synth"], row["dsp_synth"], row["wns_ns"]) == ("9876", "7", "0.123")
        assert row["power_w"] == "1.644"


def test_without_vivado_it_says_why_there_is_no_measurement(
    grid: Path, targets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = reproduce(grid, targets[:1], None, monkeypatch)
    assert {row["measured_on"] for row in rows} == {""}
    assert all("XILINX_VIVADO is not set" in row["synthesis_reason"] for row in rows)


def test_make_passes_the_board_and_vivado_on(tmp_path: Path) -> None:
    bench = tmp_path / "bench"
    bench.write_text('#!/bin/sh\necho "$@ with $XILINX_VIVADO"\n')
    bench.chmod(0o700)
    command = [
        "make",
        "-s",
        "-o",
        ".venv/ready",
        "reproduce",
        f"BENCH={shlex.quote(str(bench))}",
        "RUNNER=venv",
    ]
    command += ["BOARD=xilinx@192.168.2.99 lab", "XILINX_VIVADO=/tools/Vivado/2022.2"]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert said == (
        "run experiments/quick.toml --runner venv --board xilinx@192.168.2.99 --board lab "
        "with /tools/Vivado/2022.2\n"
    )
