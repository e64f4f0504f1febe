"""The synthesize stage without Vivado: hand-made reports and logs, a build that only pretends."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.paths import ROOT

sys.path[:0] = [str(ROOT / "docker" / name) for name in ("common", "finn")]

from finn_worker import synthesize as stage  # noqa: E402
from finn_worker import vivado_reports as reports  # noqa: E402
from finn_worker.synthesis_build import depths_for  # noqa: E402
from stagekit import Infeasible, Reporter, Request, StageError  # noqa: E402

# The formats are Vivado's own, as found in published reports of 2017.4 to 2025.1 (among them a
# 2022.2 one), which print them alike; the figures are made up.
REPORTS = Path(__file__).parent / "vivado"
TIMING = (REPORTS / "timing_summary_routed.rpt").read_text()
POWER = (REPORTS / "power_routed.rpt").read_text()
# As FINN+'s post_synth_res makes it of Vivado's hierarchical table.
RESOURCES = {
    "(top)": {"LUT": 9876, "SRL": 12, "FF": 8765, "BRAM_36K": 3, "BRAM_18K": 5, "DSP": 7},
    "MVAU_hls_0": {"LUT": 1, "SRL": 0, "FF": 1, "BRAM_36K": 0, "BRAM_18K": 0, "DSP": 0},
}
BUSY = """\
ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or \
device 'xc7z020'. Please run the Vivado License Manager for assistance in determining
which features and devices are licensed for your system.
Licensed number of users already reached.
Feature:       Synthesis
FlexNet Licensing error:-4,132
"""
NO_LICENCE = """\
ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' and/or \
device 'xczu7ev'. Please run the Vivado License Manager for assistance in determining
which features and devices are licensed for your system.
No such feature exists.
Feature:       Synthesis
FlexNet Licensing error:-5,357
"""
# Three ways in which Vivado says that a design does not fit.
NO_ROOM = (
    "ERROR: [Place 30-640] Place Check : This design requires more RAMB36/FIFO cells than are "
    "available in the target device. This design requires 324 of such cell types but only 140 "
    "compatible sites are available in the target device.",
    "ERROR: [DRC UTLZ-1] Resource utilization: LUT as Logic over-utilized in Top Level Design "
    "(This design requires more LUT as Logic cells than are available in the target device. This "
    "design requires 61234 of such cell types but only 53200 compatible sites are available in "
    "the target device.",
    "ERROR: [Place 30-487] The packing of instances into the device could not be obeyed. There "
    "are a total of 13300 slices in the device, of which 9737 slices are available, however, the "
    "unplaced instances require 10808 slices.",
)
FAILED = (
    "INFO: [Synth 8-7] fine\nERROR: [Synth 8-439] module 'x' not found\nERROR: [Common 17-69]\n"
)


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: Any) -> Request:
    vivado = tmp_path / "Vivado" / "2022.2" / "bin" / "vivado"
    vivado.parent.mkdir(parents=True)
    vivado.touch()
    monkeypatch.setenv("XILINX_VIVADO", str(vivado.parent.parent))
    monkeypatch.setattr(stage, "LICENCE_WAIT_S", 0)
    folders = {name: tmp_path / name for name in ("compile", "simulate", "outputs", "scratch")}
    for folder in (*folders.values(), folders["simulate"] / "package"):
        folder.mkdir()
    fifos = [{"depth": depth} for depth in (2, 9, 40)]
    (folders["simulate"] / "metrics.json").write_text(json.dumps({"fifos": fifos}))
    names = ("board", "part", "clock_mhz", "dma_bytes_per_cycle", "input", "output", "simulator")
    described = dict.fromkeys(names, "as is")
    (folders["simulate"] / "package" / "package.json").write_text(json.dumps(described))
    (folders["simulate"] / "package" / "postprocess.npz").write_bytes(b"postprocess")
    return Request(
        stage="synthesize",
        spec={"board": "Pynq-Z1", "part": "xc7z020clg400-1", "clock_mhz": 100.0},
        inputs={name: folders[name] for name in ("compile", "simulate")},
        outputs=folders["outputs"],
        scratch=folders["scratch"],
        cache=tmp_path,
        cpus=1,
        result=tmp_path / "result.json",
    )


class Build:
    """Pretends to be FINN+'s build: what it logs at each attempt, and its status."""

    def __init__(
        self,
        *attempts: tuple[str, int],
        wns: str = "0.123",
        whs: str = "0.021",
        wpws: str = "3.750",
        resources: dict[str, Any] | None = None,
    ) -> None:
        self.attempts = list(attempts) or [("", 0)]
        self.timing = TIMING.format(wns=wns, whs=whs, wpws=wpws)
        self.resources = resources or RESOURCES
        self.plans: list[dict[str, Any]] = []

    def __call__(self, work: Path, plan: Path) -> int:
        self.plans.append(json.loads(plan.read_text()))
        log, status = self.attempts[len(self.plans) - 1]
        (work / "vivado.log").write_text(log)
        output = work / "output"
        for name in ("report", "bitfile", "driver"):
            (output / name).mkdir(parents=True, exist_ok=True)
        resources = json.dumps(self.resources)
        (output / "report" / "post_synth_resources.json").write_text(resources)
        (output / "report" / "post_route_timing.rpt").write_text(self.timing)
        (output / "report" / "power.rpt").write_text(POWER)
        for name in ("bitfile/finn-accel.bit", "bitfile/finn-accel.hwh", "driver/settings.json"):
            (output / name).write_text(name)
        return status


def pretend(request_: Request, script: str) -> str:
    """A shell script that stands for the Python that runs FINN+'s build."""
    python = request_.scratch / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o700)
    return str(python)


def has_ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def run(request_: Request, build: Build) -> dict[str, Any]:
    stage.synthesize(request_, Reporter(io.StringIO()), build)
    return metrics(request_)


def metrics(request_: Request) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((request_.outputs / "metrics.json").read_text())
    return read


def test_a_bitstream_is_packed_for_the_board_program(request_: Request) -> None:
    build = Build()
    found = run(request_, build)
    assert build.plans[0]["depths"] == [2, 9, 40]
    assert (found["lut_synth"], found["bram18_synth"], found["dsp_synth"]) == (9876, 11, 7)
    assert (found["wns_ns"], found["vivado"]) == (0.123, "2022.2")
    assert (found["whs_ns"], found["wpws_ns"]) == (0.021, 3.75)
    assert found["fmax_mhz"] == pytest.approx(1000 / 9.877)
    assert (found["power_w"], found["power_static_w"]) == (1.644, 0.139)
    package = request_.outputs / "package"
    names = {"finn-accel.bit", "finn-accel.hwh", "settings.json", "package.json", "postprocess.npz"}
    assert {path.name for path in package.iterdir()} == names
    described = json.loads((package / "package.json").read_text())
    assert described["bitstream"] == "finn-accel.bit"
    assert described["dma_bytes_per_cycle"] == "as is"
    assert "simulator" not in described


def test_missed_timing_is_a_finding_with_its_figures(request_: Request) -> None:
    with pytest.raises(Infeasible, match=r"missed by 1\.5 ns: the design reaches 87\.0 MHz"):
        run(request_, Build(wns="-1.500"))
    assert metrics(request_)["wns_ns"] == -1.5
    assert metrics(request_)["lut_synth"] == 9876
    assert not (request_.outputs / "package").exists()


@pytest.mark.parametrize(
    ("slack", "said"), [("whs", "the hold time is 0.3 ns"), ("wpws", "the pulse width is 0.3 ns")]
)
def test_timing_that_no_slower_clock_mends(request_: Request, slack: str, said: str) -> None:
    with pytest.raises(Infeasible, match=said):
        run(request_, Build(**{slack: "-0.300"}))  # type: ignore[arg-type]
    assert metrics(request_)[f"{slack}_ns"] == -0.3


def test_a_resource_that_the_report_does_not_name_is_not_nought(request_: Request) -> None:
    top = {name: count for name, count in RESOURCES["(top)"].items() if name != "DSP"}
    with pytest.raises(StageError, match="lacks DSP"):
        run(request_, Build(resources={"(top)": top}))


@pytest.mark.parametrize("log", NO_ROOM)
def test_a_part_that_is_too_small_is_a_finding(request_: Request, log: str) -> None:
    with pytest.raises(Infeasible, match=r"require (10808 slices)|requires (324|61234) of such"):
        run(request_, Build((log, 1)))
    assert metrics(request_)["fits"] is False


def test_a_licence_that_does_not_exist_is_not_waited_for(request_: Request) -> None:
    build = Build((NO_LICENCE, 1))
    with pytest.raises(StageError, match="A valid license was not found"):
        run(request_, build)
    assert len(build.plans) == 1


def test_a_busy_licence_is_tried_again(request_: Request) -> None:
    build = Build((BUSY, 1), (BUSY, 1), ("", 0))
    assert run(request_, build)["wns_ns"] == 0.123
    assert len(build.plans) == 3


def test_a_licence_that_stays_busy_is_given_up(request_: Request, monkeypatch: Any) -> None:
    monkeypatch.setattr(stage, "LICENCE_TRIES", 2)
    with pytest.raises(StageError, match="A valid license was not found"):
        run(request_, Build((BUSY, 1), (BUSY, 1)))


def test_the_first_error_is_shown_and_the_log_kept(request_: Request) -> None:
    with pytest.raises(StageError) as caught:
        run(request_, Build((FAILED, 1)))
    assert caught.value.what == "Vivado stopped: ERROR: [Synth 8-439] module 'x' not found"
    assert "[Common 17-69]" in (request_.outputs / "vivado.log").read_text()


def test_a_build_that_says_nothing(request_: Request) -> None:
    with pytest.raises(StageError, match="ended with status 3"):
        run(request_, Build(("", 3)))


def test_a_build_that_hangs_is_stopped(request_: Request, monkeypatch: Any) -> None:
    monkeypatch.setenv(stage.LIMIT_VARIABLE, "0.2")
    script = "echo INFO: placing >vivado.log; sleep 60 & echo $! >pid; wait"
    monkeypatch.setattr(stage.sys, "executable", pretend(request_, script))
    with pytest.raises(StageError, match=r"took longer than 0\.00333333 minutes and was stopped"):
        stage.synthesize(request_, Reporter(io.StringIO()))
    assert "INFO: placing" in (request_.outputs / "vivado.log").read_text()
    pid = int((request_.scratch / "build" / "pid").read_text())
    wait_until(lambda: has_ended(pid))


def test_a_build_ends_with_its_worker(request_: Request) -> None:
    python = pretend(request_, "sleep 60 & echo $! >pid.part; mv pid.part pid; wait")
    work = request_.scratch
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; from pathlib import Path; "
        f"from finn_worker import synthesize as stage; stage.sys.executable = {python!r}; "
        f"stage._run_build(Path({str(work)!r}), Path('plan.json'))"
    )
    with subprocess.Popen([sys.executable, "-I", "-c", code]) as worker:
        wait_until((work / "pid").exists)
        worker.kill()
    pid = int((work / "pid").read_text())
    wait_until(lambda: has_ended(pid))


@pytest.mark.parametrize(
    ("value", "said"),
    [("", "not set"), ("/nowhere/Vivado/2022.2", "has no bin/vivado"), ("2019.1", "none of the")],
)
def test_another_vivado(tmp_path: Path, monkeypatch: Any, value: str, said: str) -> None:
    if value == "2019.1":
        (tmp_path / value / "bin").mkdir(parents=True)
        (tmp_path / value / "bin" / "vivado").touch()
        value = str(tmp_path / value)
    monkeypatch.setenv("XILINX_VIVADO", value)
    with pytest.raises(StageError, match=said):
        stage.require_vivado()


def test_a_clock_that_is_just_met_is_the_clock_asked_for() -> None:
    report = "WNS(ns) TNS(ns)\n---\n0.000 0.000\n"
    for mhz in range(1, 1001):
        assert reports.parse_timing(report, mhz)["fmax_mhz"] == mhz


def test_reports_that_are_none() -> None:
    with pytest.raises(StageError, match="timing summary"):
        reports.parse_timing("no such table", 100.0)
    with pytest.raises(StageError, match="whole design"):
        reports.parse_utilisation({"MVAU_hls_0": {"LUT": 1}})
    assert reports.parse_power("nothing") == {}
    assert not reports.licence_is_busy("ERROR: [Common 17-345] A valid license was not found")


def test_layers_of_the_users_vivado_are_known_by_the_names_of_the_hardware() -> None:
    entry = {"LUT": 9, "FF": 8, "BRAM_18K": 1, "BRAM_36K": 2, "DSP": 3}
    found = reports.parse_layers({
        "(top)": entry, "StreamingDataflowPartition_1_MVAU_rtl_0": entry, "notes": {}
    })  # fmt: skip
    assert found == {"MVAU_rtl_0": {"lut": 9, "ff": 8, "bram18": 5, "dsp": 3, "uram": 0}}


def test_fifos_are_never_shallower_than_simulated() -> None:
    assert depths_for(3, [2, 33, 600]) == [32, 64, 1024]
    assert depths_for(2, [2, 33, 600]) == [1024, 1024]
    assert depths_for(2, []) == [32, 32]
    # 2048 would be UltraRAM, which 2029 is anyway
    assert depths_for(3, [1025, 2028, 2029]) == [2028, 2028, 2048]


def test_the_tools_are_found_beside_vivado(tmp_path: Path) -> None:
    for name in ("Vivado", "Vitis_HLS"):
        (tmp_path / name / "2022.2" / "bin").mkdir(parents=True)
    variables = {"XILINX_VIVADO": str(tmp_path / "Vivado" / "2022.2"), "PATH": "/usr/bin"}
    assert stage.tool_path(variables).split(":") == [
        str(tmp_path / "Vivado/2022.2/bin"),
        str(tmp_path / "Vitis_HLS/2022.2/bin"),
        "/usr/bin",
    ]
