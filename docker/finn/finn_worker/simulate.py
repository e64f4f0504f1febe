"""The simulate stage: from the RTL bundle to outputs, cycles and sized FIFOs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from finn_worker import known_faults, simulator_build
from finn_worker.compiler import find_compiler
from finn_worker.fifo_sizing import Sizing, size_fifos
from finn_worker.rtl.top import max_depth
from finn_worker.simulator import Outputs, Run, Simulator, StalledError, fifo_lines
from stagekit import Reporter, Request, StageError
from stagekit.arrays import save_npz

STANDING_IN = (
    "FINN's RTL with stand-ins that are equal cycle for cycle for mvu.sv, memstream.sv, "
    "thresholding.sv and fifo.sv"
)
EXACT = "FINN's RTL throughout, FIFOs included"
# Simulated and estimated interval may differ by this share without a remark.
TOLERANCE = 0.01


@dataclass(frozen=True)
class SimulateSpec:
    """What to simulate.

    Attributes:
        images: How many test images, the first ones.
        exact: FINN's own modules throughout, in place of the stand-ins.
    """

    images: int
    exact: bool


@dataclass(frozen=True)
class TestSet:
    """Images with what they show and what torch takes them for.

    Attributes:
        images: [N, F].
        labels: [N].
        predictions: [N].
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    predictions: npt.NDArray[np.int64]

    @classmethod
    def load(cls, path: Path, count: int) -> TestSet:
        """The first `count` images of the export's test set."""
        with np.load(path) as data:
            available = len(data["images"])
            if not 2 <= count <= available:
                raise StageError(
                    f"{count} images are to be simulated; the test set has {available}.",
                    f"Ask for 2 to {available} images.",
                )
            return cls(
                images=data["images"][:count],
                labels=data["labels"][:count].astype(np.int64),
                predictions=data["predictions"][:count].astype(np.int64),
            )


def simulate(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves predictions.npz, package/ and metrics.json.

    Raises:
        StageError: No compiler, a deadlock, or inputs that do not fit each other.
    """
    spec = request.parse(SimulateSpec)
    bundle = request.inputs["compile"]
    test_set = TestSet.load(request.inputs["export"] / "test_set.npz", spec.images)
    estimated = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    ii_estimated = int(estimated["ii_estimated"])
    stage = _Stage(request, reporter, bundle, ii_estimated)

    expected = stage.reference(test_set)
    simulator = stage.build(None)
    sizing = stage.size(simulator, test_set)
    if spec.exact:
        simulator = stage.build(sizing)
    outputs, run = stage.run(simulator, test_set, sizing)

    predictions = _predict(outputs, bundle / "postprocess.npz")
    save_npz(request.outputs / "predictions.npz", outputs=outputs, predictions=predictions)
    stage.write_package(simulator, sizing, estimated)
    findings = _compare(outputs, expected, predictions, test_set)
    metrics = findings | _timing(run, sizing, ii_estimated) | _fifos(stage.design, sizing)
    request.write_metrics(metrics | {"rtl": EXACT if spec.exact else STANDING_IN})
    _remark(reporter, metrics, estimated["simulated"]["layers"])


class _Stage:
    """The steps of the stage, each timed and reported."""

    def __init__(
        self, request: Request, reporter: Reporter, bundle: Path, ii_estimated: int
    ) -> None:
        self.request = request
        self.reporter = reporter
        self.bundle = bundle
        self.ii_estimated = ii_estimated
        self.design: dict[str, Any] = json.loads(
            (bundle / "design.json").read_text(encoding="utf-8")
        )

    def reference(self, test_set: TestSet) -> Outputs:
        """What the streamlined model computes."""
        # Late: it takes FINN's Python packages, the rest of the stage does not.
        from finn_worker.reference import accelerator_outputs  # noqa: PLC0415

        if test_set.images.shape[1] != self.design["input"]["elements"]:
            raise StageError(
                f"The images have {test_set.images.shape[1]} elements, the accelerator takes "
                f"{self.design['input']['elements']}.",
                "Export and compile the same network.",
            )
        with self.reporter.timed("reference"):
            return accelerator_outputs(
                self.bundle / "streamlined.onnx",
                test_set.images,
                self._images_done(len(test_set.images), "streamlined model"),
            )

    def build(self, sizing: Sizing | None) -> Simulator:
        """The simulator, FINN's own modules throughout if `sizing` is given."""
        self.reporter.progress(0, 1, "simulator", f"building with {find_compiler().version}")
        with self.reporter.timed("build" if sizing is None else "build exact"):
            executable = simulator_build.build(
                simulator_build.gather(self.bundle, None if sizing is None else sizing.depths),
                self.request.cache,
                self.request.scratch,
                self.request.cpus,
            )
        self.reporter.progress(1, 1, "simulator", "built")
        return Simulator(
            executable,
            self.design,
            self.bundle / "rtl",
            self.request.scratch,
            # A layer may be silent for as long as it computes; nothing is silent for so long.
            stall_limit=max(100_000, 20 * self.ii_estimated),
        )

    def size(self, simulator: Simulator, test_set: TestSet) -> Sizing:
        """The FIFO depths."""
        streams = self.design["streams"]
        tried: list[str] = []

        def progress(text: str) -> None:
            self.reporter.progress(len(tried), len(streams) + 2, "FIFO", text)
            tried.append(text)

        with self.reporter.timed("FIFO sizing"):
            limits = [max_depth(stream) for stream in streams]
            return size_fifos(simulator, test_set.images, limits, self.ii_estimated, progress)

    def run(self, simulator: Simulator, test_set: TestSet, sizing: Sizing) -> tuple[Outputs, Run]:
        """Simulate every image."""
        progress = self._images_done(len(test_set.images), "simulated RTL")
        try:
            with self.reporter.timed("simulate"):
                return simulator.run(test_set.images, sizing.depths, progress=progress)
        except StalledError as stall:
            raise StageError(
                f"The accelerator stalls after {stall.images} images: {stall}.",
                "The generated RTL is at fault; report it with the network and the folding.",
            ) from stall

    def write_package(
        self, simulator: Simulator, sizing: Sizing, estimated: Mapping[str, Any]
    ) -> None:
        """What another machine needs to be this accelerator."""
        package = self.request.outputs / "package"
        package.mkdir()
        shutil.copy(simulator.executable, package / "simulator")
        (package / "simulator").chmod(0o755)
        shutil.copytree(self.bundle / "rtl" / "memories", package / "memories")
        shutil.copyfile(self.bundle / "postprocess.npz", package / "postprocess.npz")
        (package / "fifos.txt").write_text(fifo_lines(self.design, sizing.depths))
        described = {
            "simulator": "simulator",
            "input": self.design["input"] | {"file_dtype": "uint8"},
            "output": self.design["output"] | {"file_dtype": "<i8"},
            "ii": sizing.ii,
            **_fifos(self.design, sizing),
        }
        for key in ("board", "part", "clock_ns"):
            if key in estimated:
                described[key] = estimated[key]
        if "clock_ns" in estimated:
            described["clock_mhz"] = 1000 / float(estimated["clock_ns"])
        text = json.dumps(described, indent=1, sort_keys=True)
        (package / "package.json").write_text(text + "\n", encoding="utf-8")

    def _images_done(self, total: int, text: str) -> Callable[[int], None]:
        return lambda done: self.reporter.progress(done, total, "image", text)


def _predict(outputs: Outputs, postprocess: Path) -> npt.NDArray[np.int64]:
    """Classes: the largest of the logits, which the host computes in float32."""
    with np.load(postprocess) as data:
        logits = data["scale"] * outputs.astype(np.float32) + data["bias"]
    return np.asarray(logits.argmax(axis=1), dtype=np.int64)


def _compare(
    outputs: Outputs, expected: Outputs, predictions: npt.NDArray[np.int64], test_set: TestSet
) -> dict[str, Any]:
    mismatches = int((outputs != expected).any(axis=1).sum())
    return {
        "images": len(outputs),
        "bit_exact": mismatches == 0,
        "mismatches": mismatches,
        "accuracy": float((predictions == test_set.labels).mean()),
        "agreeing_with_torch": int((predictions == test_set.predictions).sum()),
    }


def _timing(run: Run, sizing: Sizing, ii_estimated: int) -> dict[str, Any]:
    return {
        "ii_estimated": ii_estimated,
        "ii_simulated": run.ii,
        "ii_unsized": sizing.ii_unsized,
        "latency_cycles": run.latency_cycles,
        "cycles": run.cycles,
    }


def _fifos(design: Mapping[str, Any], sizing: Sizing) -> dict[str, Any]:
    return {
        "fifos": [
            {
                "stream": stream["name"],
                "width_bits": stream["width_bits"],
                "depth": depth,
                "bits": depth * stream["width_bits"],
            }
            for stream, depth in zip(design["streams"], sizing.depths, strict=True)
        ]
    }


def _remark(
    reporter: Reporter, metrics: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]
) -> None:
    """Say what a person should not overlook."""
    if metrics["mismatches"]:
        reporter.note(
            f"NOT bit-exact: {metrics['mismatches']} of {metrics['images']} images differ from "
            "the streamlined model."
        )
        fault = known_faults.overflowing_queues(layers)
        if fault is not None:
            reporter.note(f"The likely cause, a fault in FINN+: {fault}")
    estimated, simulated = metrics["ii_estimated"], metrics["ii_simulated"]
    if abs(simulated - estimated) > TOLERANCE * estimated:
        reporter.note(f"{simulated:g} cycles per image were simulated, {estimated} estimated.")
