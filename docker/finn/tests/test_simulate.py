"""The simulate stage on a small network, from its export to the package for a board."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finn_worker.compile import compile_model
from finn_worker.fifo_sizing import size_fifos
from finn_worker.rtl.top import MIN_DEPTH, max_depth
from finn_worker.simulate import simulate
from finn_worker.simulator import Simulator, StalledError
from finn_worker.simulator_build import build, gather
from finn_worker.size import KnownSizing, size
from quantized_mlp import QuantizedMLP
from stagekit import Reporter, Request, StageError

IMAGES = 20
# Two balanced layers in a row: the second one's FIFO has to bridge a good part of an image.
SIZES = (64, 64, 64, 8, 4)
FOLDING = [[2, 1], [1, 2], [1, 1], [4, 2]]
II = 2048  # the first layer's, 64 x 64 / 2, and the second layer's


@dataclass
class Bench:
    """A compiled network, and folders to simulate it in."""

    mlp: QuantizedMLP
    folder: Path
    export: Path
    compiled: Path

    def size(self, compiled: Path | None = None) -> Path:
        """The outputs of the size stage, run once for each compilation."""
        name = f"size-{(compiled or self.compiled).name}"
        outputs = self.folder / name / "outputs"
        if not outputs.exists():
            request = self.request(name, compiled, stage="size")
            size(replace(request, spec={}), Reporter(io.StringIO()))
        return outputs

    def request(
        self, name: str, compiled: Path | None = None, stage: str = "simulate", **spec: Any
    ) -> Request:
        """A request for the simulate stage, with new folders and the shared cache."""
        inputs = {"export": self.export, "compile": compiled or self.compiled}
        if stage == "simulate":
            inputs["size"] = self.size() if compiled is None else self.size(self.compiled)
        request = Request(
            stage=stage,
            spec={"images": IMAGES, "exact": False, "trace_images": 0} | spec,
            inputs=inputs,
            outputs=self.folder / name / "outputs",
            scratch=self.folder / name / "scratch",
            cache=self.folder / "cache",
            cpus=2,
            result=self.folder / name / "result.json",
            leash=False,
        )
        for path in (request.outputs, request.scratch):
            path.mkdir(parents=True)
        return request

    def run(
        self, name: str, compiled: Path | None = None, **spec: Any
    ) -> tuple[Path, dict[str, Any], str]:
        """Outputs, metrics and events of one run of the stage."""
        request = self.request(name, compiled, **spec)
        events = io.StringIO()
        simulate(request, Reporter(events))
        metrics = json.loads((request.outputs / "metrics.json").read_text())
        return request.outputs, metrics, events.getvalue()

    def variant(self, name: str, change: Callable[[Path], None]) -> Path:
        """A copy of the compiled network, changed."""
        copy = self.folder / name
        shutil.copytree(self.compiled, copy)
        change(copy / "rtl")
        return copy


def compile_network(folder: Path, sizes: tuple[int, ...], folding: list[list[int]]) -> Bench:
    """Export and compile a random network."""
    mlp = QuantizedMLP(sizes, weight_bits=3, act_bits=2)
    export = mlp.export(folder / "export")
    predictions = mlp.logits.argmax(axis=1)
    # Labels of which a known share is right
    labels = np.where(np.arange(IMAGES) % 4 == 0, (predictions + 1) % 4, predictions)
    np.savez(
        export / "test_set.npz",
        images=mlp.images,
        labels=labels.astype(np.uint8),
        predictions=predictions,
    )
    compiled, scratch = folder / "compile", folder / "compile-scratch"
    compiled.mkdir()
    scratch.mkdir()
    request = Request(
        stage="compile",
        spec={
            "folding": folding,
            "target_fps": None,
            "oversized": "simulate",
            "board": "Pynq-Z1",
            "part": "xc7z020clg400-1",
            "clock_ns": 10.0,
        },
        inputs={"export": export},
        outputs=compiled,
        scratch=scratch,
        cache=scratch,
        cpus=2,
        result=scratch / "result.json",
        leash=False,
    )
    compile_model(request, Reporter(io.StringIO()))
    return Bench(mlp, folder, export, compiled)


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


def test_finns_own_modules_throughout_give_the_same(
    bench: Bench, simulated: tuple[Path, dict[str, Any], str]
) -> None:
    outputs, metrics, _ = bench.run("exact", exact=True)
    fast_outputs, fast_metrics, _ = simulated
    assert metrics.pop("rtl") != fast_metrics["rtl"]
    assert metrics == {key: value for key, value in fast_metrics.items() if key != "rtl"}
    name = "predictions.npz"
    assert (outputs / name).read_bytes() == (fast_outputs / name).read_bytes()


def test_no_fifo_could_be_any_shallower(bench: Bench, tmp_path: Path) -> None:
    executable = build(gather(bench.compiled), bench.folder / "cache", tmp_path, 2)
    design = json.loads((bench.compiled / "design.json").read_text())
    simulator = Simulator(executable, design, bench.compiled / "rtl", tmp_path, 100_000)
    limits = [max_depth(stream) for stream in design["streams"]]
    sizing = size_fifos(simulator, bench.mlp.images, limits, II, lambda text: None)
    assert sizing.ii == II
    frames = bench.mlp.images[np.arange(60) % IMAGES]
    assert simulator.run(frames, sizing.depths)[1].ii == II
    deeper = [stream for stream, depth in enumerate(sizing.depths) if depth > MIN_DEPTH]
    assert deeper
    for stream in deeper:
        depths = list(sizing.depths)
        depths[stream] -= 1
        interval = simulator.run(frames, depths)[1].ii
        assert interval is not None
        assert interval > II


def test_sizing_is_reported_and_proven_with_finns_fifos(bench: Bench) -> None:
    metrics = json.loads((bench.size() / "metrics.json").read_text())
    assert metrics["ii_sized"] == metrics["ii_estimated"] == II < metrics["ii_unsized"]
    assert metrics["unsized_deadlock"] is None
    assert metrics["total_depth"] == sum(fifo["depth"] for fifo in metrics["fifos"])
    assert metrics["total_bits"] == sum(f["depth"] * f["width_bits"] for f in metrics["fifos"])
    assert metrics["deeper_than_least"] > 0


def test_fifos_that_behave_otherwise_are_found_out(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered = gather

    def shallow(bundle: Path, depths: Any = None, **options: Any) -> Any:
        found = gathered(bundle, depths, **options)
        if depths is None:
            return found
        top = re.sub(r"fifo #\(.DEPTH\(\d+\)", "fifo #(.DEPTH(2)", found.rtl["top.sv"])
        return replace(found, rtl={**found.rtl, "top.sv": top})

    monkeypatch.setattr("finn_worker.simulator_build.gather", shallow)
    request = replace(bench.request("other fifos", stage="size"), spec={})
    with pytest.raises(StageError, match="FINN's own FIFOs give"):
        size(request, Reporter(io.StringIO()))


def test_sizing_of_another_design_is_refused(bench: Bench) -> None:
    design = json.loads((bench.compiled / "design.json").read_text())
    with pytest.raises(StageError, match="another design"):
        KnownSizing.load(bench.size(), {"streams": design["streams"][1:]})


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
    for width, interval in ((0, 8), (16, 8), (8, 8), (4, 16), (1, 64)):
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

    _, metrics, events = bench.run("wrong", bench.variant("wrong-compile", flip_weights))
    assert not metrics["bit_exact"]
    assert 0 < metrics["mismatches"] <= IMAGES
    assert "NOT bit-exact" in events


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
                node["tied_low"] = []
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
    with pytest.raises(StageError, match=f"{IMAGES}"):
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
    assert str(StalledError("a_to_b", 5, 0)) == "stream 'a_to_b' holds 5 items that are not taken"
