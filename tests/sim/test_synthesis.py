"""The stage synthesize with FINN+'s own build, and stand-ins for Vivado and Vitis HLS only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.paths import ROOT
from conftest import Bench

STAND_INS = Path(__file__).parent / "stand_ins"
REPORTS = ROOT / "tests" / "unit" / "vivado"


@pytest.fixture
def vivado(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that XILINX_VIVADO names, settings64.sh not sourced."""
    for tool, name in (("Vivado", "vivado"), ("Vitis_HLS", "vitis_hls")):
        program = tmp_path / "tools" / tool / "2022.2" / "bin" / name
        program.parent.mkdir(parents=True)
        shutil.copy(STAND_INS / f"{name}.py", program)
        program.chmod(0o755)
    home = tmp_path / "tools" / "Vivado" / "2022.2"
    timing = (REPORTS / "timing_summary_routed.rpt").read_text()
    timing = timing.format(wns="0.123", whs="0.021", wpws="3.750")
    (home / "bin" / "timing_summary_routed.rpt").write_text(timing)
    shutil.copy(REPORTS / "power_routed.rpt", home / "bin")
    monkeypatch.setenv("XILINX_VIVADO", str(home))
    return home


def test_finn_builds_bitstreams_with_the_users_vivado(
    undisturbed: Bench, vivado: Path, tmp_path: Path
) -> None:
    bench = Bench(tmp_path / "store")
    shutil.copytree(undisturbed.store, bench.store, symlinks=True)
    bench.run_grid()
    results = bench.results().sort_values("synthesis")
    fits, does_not = results.iloc[0], results.iloc[1]
    assert fits["synthesis"] == "done"
    assert (fits["lut_synth"], fits["bram18_synth"], fits["dsp_synth"]) == (9876, 11, 7)
    assert (fits["wns_ns"], fits["power_w"]) == (0.123, 1.644)
    assert "design requires 61234 of such cell types" in does_not["synthesis"]
    assert does_not["synthesis"].startswith("infeasible: The design does not fit the part")
    assert set(results["status"]) == {"done"}  # the emulated board measures all the same
    (package,) = bench.store.glob("synthesize/*/files/package")
    described = json.loads((package / "package.json").read_text())
    assert (described["board"], described["bitstream"]) == ("Pynq-Z1", "finn-accel.bit")
    settings = json.loads((package / "settings.json").read_text())["driver_information"]
    assert settings["driver_type"] == "FINNDMAOverlay"
    assert settings["io_shape_dict"]["ishape_normal"] == [[1, described["input"]["elements"]]]
    assert settings["io_shape_dict"]["oshape_normal"] == [[1, described["output"]["elements"]]]
