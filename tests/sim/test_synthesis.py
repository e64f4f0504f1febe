"""The stage synthesize with FINN+'s own build, and stand-ins for Vivado and Vitis HLS only."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from real_runs import GRID, Bench

from bench.errors import EnvironmentFailure, Exit
from bench.paths import ROOT, environments_folder
from bench.runners.vivado import require_plain

STAND_INS = Path(__file__).parent / "stand_ins"
REPORTS = ROOT / "tests" / "unit" / "runners" / "vivado"


@pytest.fixture
def vivado(plain_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that XILINX_VIVADO names, settings64.sh not sourced."""
    for tool, name in (("Vivado", "vivado"), ("Vitis_HLS", "vitis_hls")):
        program = plain_path / "tools" / tool / "2022.2" / "bin" / name
        program.parent.mkdir(parents=True)
        shutil.copy(STAND_INS / f"{name}.py", program)
        program.chmod(0o755)
    home = plain_path / "tools" / "Vivado" / "2022.2"
    timing = (REPORTS / "timing_summary_routed.rpt").read_text()
    timing = timing.format(wns="0.123", whs="0.021", wpws="3.750")
    (home / "bin" / "timing_summary_routed.rpt").write_text(timing)
    shutil.copy(REPORTS / "power_routed.rpt", home / "bin")
    monkeypatch.setenv("XILINX_VIVADO", str(home))
    return home


def test_finn_builds_bitstreams_with_the_users_vivado(
    undisturbed: Bench, vivado: Path, plain_path: Path
) -> None:
    try:
        require_plain(ROOT, environments_folder(ROOT / "artifacts"))
    except EnvironmentFailure as error:
        pytest.skip(error.what)
    bench = Bench(plain_path / "store")
    shutil.copytree(undisturbed.store, bench.store, symlinks=True)
    bench.run_grid()
    results = bench.results().sort_values("synthesis")
    fits, does_not = results.iloc[0], results.iloc[1]
    assert fits["synthesis"] == "done"
    assert (fits["lut_synth"], fits["bram18_synth"], fits["dsp_synth"]) == (9876, 11, 7)
    assert (fits["wns_ns"], fits["power_w"]) == (0.123, 1.644)
    assert "design requires 61234 of such cell types" in does_not["synthesis_reason"]
    assert does_not["synthesis"] == "infeasible"
    assert does_not["synthesis_reason"].startswith("The design does not fit the part")
    assert set(results["status"]) == {"done"}  # the emulated board measures all the same
    (package,) = bench.store.glob("synthesize/*/files/package")
    described = json.loads((package / "package.json").read_text())
    assert (described["board"], described["bitstream"]) == ("Pynq-Z1", "finn-accel.bit")
    settings = json.loads((package / "settings.json").read_text())["driver_information"]
    assert settings["driver_type"] == "FINNDMAOverlay"
    assert settings["io_shape_dict"]["ishape_normal"] == [[1, described["input"]["elements"]]]
    assert settings["io_shape_dict"]["oshape_normal"] == [[1, described["output"]["elements"]]]


def test_where_vivado_cannot_work_the_run_is_refused_before_it_starts(
    vivado: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    for command in ("run", "plan"):
        running = Bench(store).start(command, str(GRID), "--runner", "venv")
        output, _ = running.communicate(timeout=120)
        assert running.returncode == Exit.ENVIRONMENT
        assert "error: No bitstream can be built with" in output
        assert "Or unset XILINX_VIVADO: everything else works here." in output
    assert not store.exists()
