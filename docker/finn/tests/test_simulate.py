"""The simulate stage on a small network, from its export to the package for a board."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accelerators import FOLDING, II, IMAGES, SIZES, Bench, compile_network
from finn_worker.simulator import StalledError
from stagekit import StageError


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return compile_network(tmp_path_factory.mktemp("simulate"), SIZES, FOLDING)


@pytest.fixture(scope="module")
def simulated(bench: Bench) -> tuple[Path, dict[str, Any], str]:
    return bench.run("fast")


def test_outputs_equal_the_network_computed_by_numpy(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str]
) -> None:
    outputs, metrics, _ = simulated
    with np.load(outputs / "predictions.npz") as found:
        with np.load(bench.compiled / "postprocess.npz") as host:
            logits = host["scale"] * found["outputs"] + host["bias"]
        np.testing.assert_allclose(logits, bench.mlp.logits, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(found["predictions"], bench.mlp.logits.argmax(axis=1))
    assert metrics["bit_exact"]
    assert metrics["mismatches"] == 0
    assert metrics["accuracy"] == 0.75
    assert metrics["agreeing_with_torch"] == metrics["images"] == IMAGES


def test_interval_is_the_estimated_one_once_fifos_are_sized(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str]
) -> None:
    _, metrics, _ = simulated
    estimated = json.loads((bench.compiled / "metrics.json").read_text())["ii_estimated"]
    assert metrics["ii_simulated"] == metrics["ii_estimated"] == estimated == II
    assert metrics["ii_unsized"] > II
    assert II < metrics["latency_cycles"] < metrics["cycles"]
    assert metrics["cycles"] >= metrics["latency_cycles"] + (IMAGES - 1) * II


def test_stalls_of_the_steady_state_are_counted(
    simulated: tuple[Path, dict[str, Any], str],
) -> None:
    _, metrics, _ = simulated
    images, cycles, stalls = (metrics[k] for k in ("steady_images", "steady_cycles", "stalls"))
    assert 0 < images < IMAGES / 2
    assert cycles == images * II
    assert [stall["stream"] for stall in stalls] == [fifo["stream"] for fifo in metrics["fifos"]]
    # The images are offered at once and the outputs taken at once: the first layer, the slowest,
    # never waits, and whatever follows the slowest layers does.
    assert stalls[0]["starved_cycles"] == stalls[-1]["blocked_cycles"] == 0
    assert stalls[0]["blocked_cycles"] > 0
    assert stalls[-1]["starved_cycles"] == cycles - images * SIZES[-1] // FOLDING[-1][0]
    first, *_, last = metrics["layers"]
    assert first["layer"] == "MVAU_rtl_0"
    assert first["input_starved_cycles"] == 0
    assert first["output_blocked_cycles"] < cycles / 100 < last["input_starved_cycles"]


def test_too_few_images_have_no_steady_state(bench: Bench) -> None:
    _, metrics, _ = bench.run("two images", images=2)
    assert metrics["steady_images"] == 0
    assert {stall["blocked_cycles"] for stall in metrics["stalls"]} == {None}
    assert {layer["output_blocked_cycles"] for layer in metrics["layers"]} == {None}


def test_finns_own_modules_throughout_give_the_same(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str]
) -> None:
    outputs, metrics, _ = bench.run("exact", exact=True)
    fast_outputs, fast_metrics, _ = simulated
    assert metrics.pop("rtl") != fast_metrics["rtl"]
    assert metrics == {key: value for key, value in fast_metrics.items() if key != "rtl"}
    name = "predictions.npz"
    assert (outputs / name).read_bytes() == (fast_outputs / name).read_bytes()


def test_waveforms_on_request_are_the_same_every_time(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str]
) -> None:
    traces = []
    for name in ("trace", "trace again"):
        outputs, metrics, _ = bench.run(name, trace_images=2)
        assert metrics == simulated[1]
        traces.append((outputs / "waveforms.vcd").read_bytes())
    first, second = (trace.splitlines() for trace in traces)
    differing = [pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]]
    assert differing == []
    text = traces[0].decode()
    assert "$enddefinitions" in text
    for signal in ("in0_V_TVALID", "out0_V_TDATA", "s0_ready"):
        assert signal in text
    assert str(bench.folder) not in text
    # Time steps are clock edges; two images last that long at least.
    last = int(text.rsplit("#", 1)[1].split()[0])
    assert last > 2 * (simulated[1]["latency_cycles"] + II)


def test_equal_sources_are_built_once_and_equal_everywhere(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    built = {path: path.stat().st_mtime_ns for path in bench.request("again").cache.iterdir()}
    outputs, _, _ = bench.run("once more")
    assert {path: path.stat().st_mtime_ns for path in built} == built

    elsewhere = tmp_path / "elsewhere" / "deeper"
    elsewhere.mkdir(parents=True)
    # Two processes at once, on one new cache
    code = (
        "import sys; from pathlib import Path; from finn_worker.simulator_build import *;"
        "print(build(gather(Path(sys.argv[1])), Path('cache'), Path('.'), 1))"
    )
    command = [sys.executable, "-c", code, str(bench.compiled)]
    processes = [
        subprocess.Popen(command, cwd=elsewhere, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    printed = {process.communicate()[0].strip() for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    (other,) = printed
    digests = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (Path(other), outputs / "package" / "simulator")
    }
    assert len(digests) == 1
    leftovers = [p.name for p in (elsewhere / "cache").iterdir() if p.name.startswith(".")]
    assert leftovers == []


def test_damaged_files_of_the_cache_are_built_again_and_said(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str]
) -> None:
    cache = bench.request("to damage").cache
    damaged = sorted(cache.iterdir())
    kinds = {path.name.split("-")[0] for path in damaged}
    assert {"simulator", "testbench", "mvu_core", "verilated"} <= kinds
    for path in damaged:
        path.write_bytes(path.read_bytes()[:-1000])
    outputs, _, events = bench.run("rebuilt")
    simulator = (outputs / "package" / "simulator").read_bytes()
    assert simulator == (simulated[0] / "package" / "simulator").read_bytes()
    assert "simulator-" in events
    assert "was damaged; it is made again" in events


def run_package(package: Path, images: Path, *options: str) -> dict[str, Any]:
    """The simulator's JSON line; outputs go to out.raw beside `images`."""
    command = [str(package / "simulator"), "--input", str(images), "--output", "out.raw"]
    command += ["--images", str(IMAGES), *options]
    done = subprocess.run(command, cwd=images.parent, capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_package_runs_in_another_folder(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    outputs, metrics, _ = simulated
    package = tmp_path / "pushed"
    shutil.copytree(outputs / "package", package)
    described = json.loads((package / "package.json").read_text())
    assert described["fifos"] == metrics["fifos"]
    assert described["input"]["elements"] == 64
    bench.mlp.images.tofile(tmp_path / "images.raw")

    result = run_package(package, tmp_path / "images.raw")
    assert result["cycles"] == metrics["cycles"]
    found = np.fromfile(tmp_path / "out.raw", described["output"]["file_dtype"])
    with np.load(outputs / "predictions.npz") as expected:
        np.testing.assert_array_equal(found.reshape(IMAGES, -1), expected["outputs"])


def test_a_narrow_dma_bounds_the_interval(tmp_path: Path) -> None:
    # Every layer at most 8 cycles an image, of which 64 bytes go in
    bench = compile_network(tmp_path, (64, 8, 8, 8, 4), [[8, 8], [8, 4], [8, 4], [4, 4]])
    outputs, metrics, _ = bench.run("fast")
    assert metrics["bit_exact"]
    assert metrics["ii_simulated"] == 8
    images = tmp_path / "images.raw"
    bench.mlp.images.tofile(images)
    # 7, 5 and 3 bytes do not divide a beat of 8; the last word of an image is not filled.
    for width, interval in ((0, 8), (16, 8), (8, 8), (7, 10), (5, 13), (4, 16), (3, 22), (1, 64)):
        result = run_package(outputs / "package", images, "--in-bytes-per-cycle", str(width))
        assert result["ii"] == interval
    beat = json.loads((outputs / "package" / "package.json").read_text())["output"]
    result = run_package(outputs / "package", images, "--out-bytes-per-cycle", "1")
    assert result["ii"] == max(8, beat["beats"] * beat["bytes_per_beat"])
    assert run_package(outputs / "package", images, "--cycles-per-image", "100")["ii"] == 100


def test_wrong_outputs_are_reported_as_wrong(bench: Bench) -> None:
    def flip_weights(rtl: Path) -> None:
        weights = rtl / "memories" / "MVAU_rtl_3_memblock.dat"
        lines = weights.read_text().splitlines()
        assert any(line != lines[0] for line in lines)
        weights.write_text("\n".join(reversed(lines)) + "\n")

    metrics, reason = bench.finding("wrong", bench.variant("wrong-compile", flip_weights))
    assert not metrics["bit_exact"]
    assert 0 < metrics["mismatches"] <= IMAGES
    assert f"of {metrics['mismatches']} of 20 images the RTL gives other outputs" in reason


ALTERED = {
    "inverted": lambda images: 255 - images,
    "halved": lambda images: images // 2,
    "transposed": lambda images: (
        images.reshape(-1, 8, 8).transpose(0, 2, 1).reshape(len(images), -1)
    ),
}


@pytest.mark.parametrize("name", sorted(ALTERED))
def test_images_that_torch_did_not_see_are_a_wrong_result(
    bench: Bench, tmp_path: Path, name: str
) -> None:
    altered = tmp_path / "export"
    shutil.copytree(bench.export, altered)
    with np.load(altered / "test_set.npz") as data:
        arrays = dict(data)
    np.savez(altered / "test_set.npz", **arrays | {"images": ALTERED[name](arrays["images"])})
    metrics, reason = replace(bench, export=altered).finding(name)
    assert metrics["bit_exact"], "the accelerator itself is right"
    disagreeing = IMAGES - metrics["agreeing_with_torch"]
    assert disagreeing > 0
    assert metrics["torch_ties"] == 0, "no random value is so close to a boundary"
    assert f"{disagreeing} of 20 images are of another class to the accelerator" in reason
    assert "ties do not explain it" in reason


STUCK = """
module Thresholding_rtl_1 (
    input ap_clk, input ap_rst_n,
    input [7:0] in0_V_TDATA, input in0_V_TVALID, output in0_V_TREADY,
    output [7:0] out0_V_TDATA, output out0_V_TVALID, input out0_V_TREADY
);
    assign in0_V_TREADY = 0;
    assign out0_V_TVALID = 0;
    assign out0_V_TDATA = 0;
endmodule
"""


def test_a_deadlock_names_the_stream(bench: Bench) -> None:
    def block(rtl: Path) -> None:
        (rtl / "nodes" / "Thresholding_rtl_1.v").write_text(STUCK)
        design = json.loads((rtl.parent / "design.json").read_text())
        for node in design["nodes"]:
            if node["name"] == "Thresholding_rtl_1":
                node["tied_low"] = node["left_open"] = []
        (rtl.parent / "design.json").write_text(json.dumps(design))

    variant = bench.variant("stuck-compile", block)
    with pytest.raises(StageError, match="'MVAU_rtl_1_to_Thresholding_rtl_1' holds"):
        bench.size(variant)
    with pytest.raises(StageError, match="'MVAU_rtl_1_to_Thresholding_rtl_1' holds"):
        bench.run("stuck", variant)


def test_without_a_compiler_it_says_what_to_install(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StageError) as caught:
        bench.run("no compiler")
    assert "compiler" in caught.value.what
    assert "g++" in caught.value.remedy


def test_a_failing_compiler_shows_what_it_printed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "g++"
    broken.write_text(
        "#!/bin/sh\ncase $1 in --version) echo broken 1;; -print*) echo x;;"
        " *) echo no space left >&2; exit 1;; esac\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(StageError, match="no space left"):
        bench.run("broken compiler")


@pytest.mark.parametrize("images", [0, 1, IMAGES + 1])
def test_a_number_of_images_that_is_not_there(bench: Bench, images: int) -> None:
    with pytest.raises(StageError, match=f"{IMAGES}|images is {images}"):
        bench.run(f"images {images}", images=images)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--images", "5"], "are needed"),
        (["--images", "x", "--input", "i"], "takes a number"),
        (
            ["--input", "short", "--output", "o", "--images", "1", "--trace", "t"],
            "not built to write waveforms",
        ),
        (["--imagse", "5"], "unknown option --imagse"),
        (["--input", "missing", "--output", "o", "--images", "1"], "cannot open"),
        (["--input", "short", "--output", "o", "--images", "9"], "fewer than 9 images"),
    ],
)
def test_simulator_explains_bad_usage(
    simulated: tuple[Path, dict[str, Any], str], tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "short").write_bytes(bytes(64))
    command = [str(simulated[0] / "package" / "simulator"), *arguments]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert message in done.stderr


def test_simulator_refuses_depths_that_do_not_fit_the_design(
    simulated: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    package = simulated[0] / "package"
    (tmp_path / "images.raw").write_bytes(bytes(64))
    lines = (package / "fifos.txt").read_text().splitlines()
    name = lines[0].split()[0]
    for text, message in (
        ("\n".join(lines[1:]), f"no depth for {name}"),
        ("\n".join([f"{name} 1", *lines[1:]]), "must be between 2 and"),
        ("\n".join([*lines, "nobody_to_nowhere 2"]), "no stream nobody_to_nowhere"),
    ):
        (tmp_path / "fifos.txt").write_text(text + "\n")
        command = [str(package / "simulator"), "--fifos", "fifos.txt", "--input", "images.raw"]
        command += ["--output", "o", "--images", "1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert message in done.stderr


def test_stalled_error_reads_well() -> None:
    stalled = StalledError("a_to_b", 5, 0, "with FIFOs of 2, 9 items")
    assert str(stalled) == (
        "The accelerator stalls after 0 images with FIFOs of 2, 9 items: "
        "stream 'a_to_b' holds 5 items that are not taken."
    )
    lost = StalledError("a_to_b", 0, 7, "with FIFOs of 2, 9 items")
    assert "after 7 images" in lost.what
    assert "every stream is empty" in lost.what


def test_what_the_design_complains_of_when_it_starts_is_an_error(bench: Bench) -> None:
    def no_weights(rtl: Path) -> None:
        (rtl / "memories" / "MVAU_rtl_3_memblock.dat").unlink()

    def bad_fold(rtl: Path) -> None:
        wrapper = rtl / "nodes" / "Thresholding_rtl_0.v"
        wrapper.write_text(wrapper.read_text().replace("FPARG  = 0", "FPARG  = 1"))

    def no_depth(rtl: Path) -> None:
        wrapper = rtl / "nodes" / "MVAU_rtl_1_wrapper.v"
        text = re.sub(r"(parameter\s+MW = )\d+", r"\g<1>65", wrapper.read_text())
        wrapper.write_text(text)

    with pytest.raises(StageError, match="readmem file not found"):
        bench.run("no weights", bench.variant("no-weights", no_weights))
    with pytest.raises(StageError, match=r"Matrix width \(65\) is not a multiple of SIMD"):
        bench.run("odd", bench.variant("odd", no_depth))
    with pytest.raises(StageError, match="'Thresholding_rtl_0' has floating-point thresholds"):
        bench.run("float", bench.variant("float", bad_fold))
