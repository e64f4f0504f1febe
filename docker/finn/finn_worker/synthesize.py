"""The synthesize stage: a bitstream and its driver's settings, with the user's own Vivado.

FINN+'s build runs in a child process of its own (`synthesis_build`), so that it can be stopped, and
tried again while all seats of a floating licence are taken.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from contract.finn.synthesize import VIVADO_VERSIONS, SynthesizeSpec
from contract.text import counted
from finn_worker import vivado_reports
from stagekit import Infeasible, Reporter, Request, StageError

# The runner sets it, from the experiment file: seconds after which a build is stopped.
LIMIT_VARIABLE = "BENCH_BUILD_SECONDS"
LIMIT_S = 5 * 3600.0
LICENCE_TRIES, LICENCE_WAIT_S = 20, 60.0
_LEADER = ("/bin/sh", "-c", "cat >/dev/null; kill -KILL 0")
_LOGS = ("vivado*.log", "vitis_hls*.log", "runme.log")


Build = Callable[[Path, Path], int]


def synthesize(request: Request, reporter: Reporter, build: Build | None = None) -> None:
    """Run the stage.

    Leaves package/ (bitstream, driver settings, package.json, postprocess.npz), report/ with
    Vivado's own reports, vivado.log and metrics.json. Vivado stamps times into what it writes, so
    unlike other stages this one does not repeat bit for bit.

    Args:
        request: Inputs are the stages compile and simulate.
        reporter: Takes progress.
        build: Does the work in a folder, reading its plan.json; returns an exit status.

    Raises:
        StageError: Vivado is missing, of another version, or failed.
        Infeasible: Timing is missed, or the part is too small; metrics.json has the figures.
    """
    spec = request.parse(SynthesizeSpec)
    version = require_vivado()
    work = request.scratch / "build"
    work.mkdir()
    plan = {
        "model": str(request.inputs["compile"] / "board.onnx"),
        "board": spec.board, "part": spec.part, "clock_mhz": spec.clock_mhz,
        "depths": _depths(request.inputs["simulate"]), "output": str(work / "output"),
        "build_dir": str(request.scratch / "finn"), "cpus": request.cpus,
    }  # fmt: skip
    (work / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    reporter.progress(0, 2, "step", "Vivado")
    _build(request, reporter, work, build or _run_build)
    reporter.progress(1, 2, "step", "reports")
    metrics = _read_reports(request, work / "output", spec) | {"vivado": version}
    request.write_metrics(metrics)
    _require_timing(metrics, spec.clock_mhz)
    _package(request, work / "output", metrics)
    reporter.progress(2, 2, "step", "done")


def require_vivado() -> str:
    """The version of the Vivado that XILINX_VIVADO names.

    Raises:
        StageError: It names none that FINN+ supports.
    """
    named = os.environ.get("XILINX_VIVADO", "")
    if not named or not (Path(named) / "bin" / "vivado").is_file():
        raise StageError(
            f"XILINX_VIVADO={named or '(not set)'} has no bin/vivado.",
            "Source the settings64.sh of a Vivado installation, then rerun.",
        )
    for version in VIVADO_VERSIONS:
        if version in Path(named).resolve().parts:
            return version
    raise StageError(
        f"XILINX_VIVADO={named} is none of the versions that FINN+ supports.",
        f"Use Vivado {' or '.join(VIVADO_VERSIONS)}.",
    )


def _depths(simulate: Path) -> list[int]:
    metrics = json.loads((simulate / "metrics.json").read_text(encoding="utf-8"))
    return [int(fifo["depth"]) for fifo in metrics["fifos"]]


def _build(request: Request, reporter: Reporter, work: Path, build: Build) -> None:
    """Run FINN+'s build, again as long as a licence is busy."""
    for attempt in range(1, LICENCE_TRIES + 1):
        started = time.time()
        try:
            with reporter.timed("vivado"):
                status = build(work, work / "plan.json")
        finally:
            log = _collect_logs(request, started)
        if status == 0:
            return
        if no_room := vivado_reports.lacks_room(log):
            request.write_metrics({"fits": False, "reason": no_room})
            raise Infeasible(f"The design does not fit the part: {no_room}")
        if not vivado_reports.licence_is_busy(log):
            break
        if attempt < LICENCE_TRIES:
            reporter.note(f"All seats of the licence are taken; trying again ({attempt}).")
            shutil.rmtree(request.scratch / "finn", ignore_errors=True)
            time.sleep(LICENCE_WAIT_S)
    error = vivado_reports.first_error(log)
    raise StageError(
        f"Vivado stopped: {error}" if error else f"FINN+'s build ended with status {status}.",
        "The log holds all that it said.",
    )


def _run_build(work: Path, plan: Path) -> int:
    """FINN+'s build in a process group of its own, which ends with this function or this worker.

    The group's leader does nothing but wait for the end of its input, a pipe from this worker: it
    closes when the build is over, takes too long, or the worker is killed.
    """
    command = [sys.executable, "-m", "finn_worker.synthesis_build", str(plan)]
    limit_s = float(os.environ.get(LIMIT_VARIABLE, LIMIT_S))
    with subprocess.Popen(_LEADER, stdin=subprocess.PIPE, process_group=0) as leader:
        child = subprocess.Popen(
            command,
            cwd=work,
            env=os.environ | {"PATH": tool_path(os.environ)},
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            process_group=leader.pid,
        )
        try:
            return child.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise StageError(
                f"Vivado took longer than {counted(f'{limit_s / 60:g}', 'minute')} and was "
                "stopped.",
                "Raise `vivado_minutes` in the [limits] table of the experiment file, or try a "
                "smaller folding or a slower clock.",
            ) from None
        finally:
            assert leader.stdin is not None
            leader.stdin.close()
            child.wait()


def tool_path(variables: Mapping[str, str]) -> str:
    """The PATH on which FINN+ finds Vivado and Vitis HLS, settings64.sh sourced or not."""
    vivado = Path(variables["XILINX_VIVADO"])
    top, version = vivado.parent.parent, vivado.name
    named = [Path(variables[name]) for name in ("XILINX_HLS", "XILINX_VITIS") if name in variables]
    homes = [vivado, *named, top / "Vitis_HLS" / version, top / "Vitis" / version]
    folders = [str(home / "bin") for home in homes if (home / "bin").is_dir()]
    return os.pathsep.join([*folders, variables.get("PATH", os.defpath)])


def _collect_logs(request: Request, since: float) -> str:
    """Every log of Vivado's that was written since, oldest first; also kept as vivado.log."""
    found = {path for pattern in _LOGS for path in request.scratch.rglob(pattern)}
    recent = [path for path in found if path.stat().st_mtime >= since - 1]
    texts = [
        f"==> {path.relative_to(request.scratch)}\n{path.read_text(errors='replace')}"
        for path in sorted(recent, key=lambda path: path.stat().st_mtime)
    ]
    log = "\n".join(texts)
    (request.outputs / "vivado.log").write_text(log, encoding="utf-8")
    print(log, file=sys.stderr)
    return log


def _read_reports(request: Request, output: Path, spec: SynthesizeSpec) -> dict[str, Any]:
    report = output / "report"
    shutil.copytree(report, request.outputs / "report")
    resources = json.loads((report / "post_synth_resources.json").read_text(encoding="utf-8"))
    _require_columns(resources)
    timing = (report / "post_route_timing.rpt").read_text(encoding="utf-8", errors="replace")
    power = report / "power.rpt"
    watts = vivado_reports.parse_power(power.read_text(errors="replace")) if power.exists() else {}
    return {
        "board": spec.board,
        "part": spec.part,
        "clock_mhz": spec.clock_mhz,
        **vivado_reports.parse_utilisation(resources),
        "layers_synth": vivado_reports.parse_layers(resources),
        **vivado_reports.parse_timing(timing, spec.clock_mhz),
        **_other_slacks(timing),
        **watts,
        "fits": True,
    }


def _require_columns(resources: Mapping[str, Mapping[str, Any]]) -> None:
    """FINN+ leaves out the columns that it does not know by their heading; none may count as 0."""
    missing = {"LUT", "FF", "BRAM_36K", "BRAM_18K", "DSP"} - resources.get("(top)", {}).keys()
    if "(top)" in resources and missing:
        raise StageError(
            f"FINN+'s resource report lacks {', '.join(sorted(missing))}.",
            "Look at report/post_synth_resources.json in the failed stage's folder.",
        )


def _other_slacks(report: str) -> dict[str, float]:
    """The worst hold and pulse-width slack of a timing summary, where it has a figure for them."""
    found = re.search(r"^ *WNS\(ns\) .*\n[- ]+\n(.*)$", report, re.MULTILINE)
    if found is None:
        return {}
    names, values = found[0].splitlines()[0], found[1].split()
    kept = {"WHS(ns)": "whs_ns", "WPWS(ns)": "wpws_ns"}
    # Headings are two blanks or more apart: some have single blanks inside.
    cells = zip(re.split(r" {2,}", names.strip()), values, strict=False)
    return {kept[name]: float(value) for name, value in cells if name in kept and value != "NA"}


def _require_timing(metrics: dict[str, Any], clock_mhz: float) -> None:
    if metrics["wns_ns"] < 0:
        raise Infeasible(
            f"Timing is missed by {-metrics['wns_ns']:g} ns: the design reaches "
            f"{metrics['fmax_mhz']:.1f} MHz instead of {clock_mhz:g} MHz."
        )
    for name, what in (("whs_ns", "hold time"), ("wpws_ns", "pulse width")):
        if metrics.get(name, 0.0) < 0:
            raise Infeasible(
                f"Timing is missed: the {what} is {-metrics[name]:g} ns short, at any clock."
            )


def _package(request: Request, output: Path, metrics: dict[str, Any]) -> None:
    """What the board program takes: see docker/board/bench_board.py."""
    simulated = request.inputs["simulate"] / "package"
    package = request.outputs / "package"
    package.mkdir()
    for name in ("finn-accel.bit", "finn-accel.hwh"):
        shutil.copy(output / "bitfile" / name, package / name)
    shutil.copy(output / "driver" / "settings.json", package / "settings.json")
    weights = output / "driver" / "runtime_weights"
    if weights.is_dir():
        shutil.copytree(weights, package / "runtime_weights")
    shutil.copy(simulated / "postprocess.npz", package / "postprocess.npz")
    described = json.loads((simulated / "package.json").read_text(encoding="utf-8"))
    names = ("board", "part", "clock_mhz", "dma_bytes_per_cycle", "input", "output")
    kept = {name: described[name] for name in names}
    kept |= {"bitstream": "finn-accel.bit", "settings": "settings.json"}
    kept["wns_ns"] = metrics["wns_ns"]
    text = json.dumps(kept, indent=1, sort_keys=True) + "\n"
    (package / "package.json").write_text(text, encoding="utf-8")
