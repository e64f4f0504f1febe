"""The synthesize stage without Vivado: hand-made reports and logs, a build that only pretends."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.paths import ROOT

sys.path[:0] = [str(ROOT / "docker" / name) for name in ("common", "finn")]

from finn_worker import synthesize as stage  # noqa: E402
from finn_worker import vivado_reports as reports  # noqa: E402
from finn_worker.synthesis_build import depths_for  # noqa: E402
from stagekit import Infeasible, Reporter, Request, StageError  # noqa: E402

TIMING = """
------------------------------------------------------------------------------------------------
| Design Timing Summary
| ---------------------
------------------------------------------------------------------------------------------------

    WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)
    -------      -------  ---------------------  -------------------      -------      -------
     {wns}        {tns}                      0                41234        0.021        0.000

All user specified timing constraints are met.
"""
POWER = """
+--------------------------+--------------+
| Total On-Chip Power (W)  | 1.644        |
| Design Power Budget (W)  | Unspecified* |
| Dynamic (W)              | 1.505        |
| Device Static (W)        | 0.139        |
+--------------------------+--------------+
"""
RESOURCES = {
    "(top)": {"LUT": 9876, "SRL": 12, "FF": 8765, "BRAM_36K": 3, "BRAM_18K": 5, "DSP": 7},
    "MVAU_hls_0": {"LUT": 1, "SRL": 0, "FF": 1, "BRAM_36K": 0, "BRAM_18K": 0, "DSP": 0},
}
BUSY = """ERROR: [Common 17-348] Failed to get the license for feature 'Synthesis' and/or device
Licensed number of users already reached.
"""
NO_ROOM = (
    "ERROR: [Place 30-640] Place Check : This design requires more Slice LUTs cells than are "
    "available in the target device. This design requires 61234 of such cell types."
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
    described = dict.fromkeys(
        ("board", "part", "clock_mhz", "input", "output", "simulator"), "as is"
    )
    (folders["simulate"] / "package" / "package.json").write_text(json.dumps(described))
    (folders["simulate"] / "package" / "postprocess.npz").write_bytes(b"postprocess")
    return Request(
        stage="synthesize",
        spec={"board": "Pynq-Z1", "part": "xc7z020clg400-1", "clock_ns": 10.0},
        inputs={name: folders[name] for name in ("compile", "simulate")},
        outputs=folders["outputs"],
        scratch=folders["scratch"],
        cache=tmp_path,
        cpus=1,
        result=tmp_path / "result.json",
        leash=False,
    )


class Build:
    """Pretends to be FINN+'s build: what it logs at each attempt, and its status."""

    def __init__(self, *attempts: tuple[str, int], wns: str = "0.123") -> None:
        self.attempts = list(attempts) or [("", 0)]
        self.wns = wns
        self.plans: list[dict[str, Any]] = []

    def __call__(self, work: Path, plan: Path) -> int:
        self.plans.append(json.loads(plan.read_text()))
        log, status = self.attempts[len(self.plans) - 1]
        (work / "vivado.log").write_text(log)
        output = work / "output"
        for name in ("report", "bitfile", "driver"):
            (output / name).mkdir(parents=True, exist_ok=True)
        (output / "report" / "post_synth_resources.json").write_text(json.dumps(RESOURCES))
        timing = TIMING.format(wns=self.wns, tns="0.000")
        (output / "report" / "post_route_timing.rpt").write_text(timing)
        (output / "report" / "power.rpt").write_text(POWER)
        for name in ("bitfile/finn-accel.bit", "bitfile/finn-accel.hwh", "driver/settings.json"):
            (output / name).write_text(name)
        return status


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
    assert found["fmax_mhz"] == pytest.approx(1000 / 9.877)
    assert (found["power_w"], found["power_static_w"]) == (1.644, 0.139)
    package = request_.outputs / "package"
    names = {"finn-accel.bit", "finn-accel.hwh", "settings.json", "package.json", "postprocess.npz"}
    assert {path.name for path in package.iterdir()} == names
    described = json.loads((package / "package.json").read_text())
    assert described["bitstream"] == "finn-accel.bit"
    assert "simulator" not in described


def test_missed_timing_is_a_finding_with_its_figures(request_: Request) -> None:
    with pytest.raises(Infeasible, match=r"missed by 1\.5 ns: the design reaches 87\.0 MHz"):
        run(request_, Build(wns="-1.500"))
    assert metrics(request_)["wns_ns"] == -1.5
    assert metrics(request_)["lut_synth"] == 9876
    assert not (request_.outputs / "package").exists()


def test_a_part_that_is_too_small_is_a_finding(request_: Request) -> None:
    with pytest.raises(Infeasible, match="requires 61234 of such cell types"):
        run(request_, Build((NO_ROOM, 1)))
    assert metrics(request_)["fits"] is False


def test_a_busy_licence_is_tried_again(request_: Request) -> None:
    build = Build((BUSY, 1), (BUSY, 1), ("", 0))
    assert run(request_, build)["wns_ns"] == 0.123
    assert len(build.plans) == 3


def test_a_licence_that_stays_busy_is_given_up(request_: Request, monkeypatch: Any) -> None:
    monkeypatch.setattr(stage, "LICENCE_TRIES", 2)
    with pytest.raises(StageError, match="Failed to get the license"):
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
    monkeypatch.setattr(stage, "LIMIT_S", 0.2)
    monkeypatch.setattr(stage.sys, "executable", "/bin/sh")  # `sh -m NAME`: reads no plan
    work = request_.scratch / "work"
    work.mkdir()
    (work / "finn_worker.synthesis_build").write_text("sleep 60\n")
    with pytest.raises(StageError, match="was stopped"):
        stage._run_build(work, work / "plan.json")


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


def test_reports_that_are_none() -> None:
    with pytest.raises(StageError, match="timing summary"):
        reports.parse_timing("no such table", 10.0)
    with pytest.raises(StageError, match="whole design"):
        reports.parse_utilisation({"MVAU_hls_0": {"LUT": 1}})
    assert reports.parse_power("nothing") == {}
    assert not reports.licence_is_busy("ERROR: [Common 17-345] A valid license was not found")


def test_fifos_are_never_shallower_than_simulated() -> None:
    assert depths_for(3, [2, 33, 600]) == [32, 64, 1024]
    assert depths_for(2, [2, 33, 600]) == [1024, 1024]
    assert depths_for(2, []) == [32, 32]


def test_the_tools_are_found_beside_vivado(tmp_path: Path) -> None:
    for name in ("Vivado", "Vitis_HLS"):
        (tmp_path / name / "2022.2" / "bin").mkdir(parents=True)
    variables = {"XILINX_VIVADO": str(tmp_path / "Vivado" / "2022.2"), "PATH": "/usr/bin"}
    assert stage.tool_path(variables).split(":") == [
        str(tmp_path / "Vivado/2022.2/bin"),
        str(tmp_path / "Vitis_HLS/2022.2/bin"),
        "/usr/bin",
    ]
