"""The simulate stage: from the RTL bundle to outputs, cycles and sized FIFOs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from contract import outcome
from contract.arrays import save_npz
from contract.finn.simulate import SimulateSpec
from contract.outcome import Kind, Predictions
from contract.text import counted
from finn_worker import parts
from finn_worker.accelerator import DMA_BYTES_PER_CYCLE, Accelerator, Workshop, fifo_table
from finn_worker.simulator import Outputs, Run, Simulator, fifo_lines
from finn_worker.size import KnownSizing
from finn_worker.stalls import layer_waits, stream_stalls
from finn_worker.verdict import TORCH, judge
from stagekit import Reporter, Request, StageError, WrongResult

STANDING_IN = (
    "FINN's RTL with stand-ins that are equal cycle for cycle for mvu.sv, memstream.sv, "
    "thresholding.sv, dwc_axi.sv and fifo.sv"
)
EXACT = "FINN's RTL throughout, FIFOs included"
# Simulated and estimated interval may differ by this share without a remark.
TOLERANCE = 0.01


@dataclass(frozen=True)
class TestSet:
    """Images with what they show and what the reference takes them for.

    Attributes:
        images: uint8 or int8, [N, F] or [N, C, H, W].
        labels: [N]; None where nobody knows.
        predictions: As `contract.outcome` says.
    """

    images: npt.NDArray[Any]
    labels: npt.NDArray[np.int64] | None
    predictions: Predictions

    @classmethod
    def load(cls, path: Path, count: int) -> TestSet:
        """The first `count` images of the export's test set."""
        with np.load(path) as data:
            available = len(data["images"])
            if not 2 <= count <= available:
                raise StageError(
                    f"{counted(count, 'image is', 'images are')} to be simulated; the test set has "
                    f"{available}.",
                    f"Ask for 2 to {available} images."
                    if available >= 2
                    else "Export a test set of two images or more: an interval takes two.",
                )
            return cls(
                images=data["images"][:count],
                labels=data["labels"][:count].astype(np.int64) if "labels" in data else None,
                predictions=data["predictions"][:count],
            )


def simulate(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves predictions.npz, package/, metrics.json, and waveforms.vcd where asked for.

    Raises:
        StageError: No compiler, a deadlock, inputs that do not fit each other, or a layer that the
            stand-ins are not proven for.
        WrongResult: The accelerator computes something else than the trained model.
    """
    spec = request.parse(SimulateSpec)
    test_set = TestSet.load(request.inputs["export"] / "test_set.npz", spec.images)
    accelerator = Accelerator.load(request.inputs["compile"])
    sizing = KnownSizing.load(request.inputs["size"], accelerator.design)
    workshop = Workshop(accelerator, request, reporter)

    # The build first: it refuses what cannot be simulated.
    simulator = workshop.simulator("build", sizing.depths if spec.exact else None, exact=spec.exact)
    expected = _reference(accelerator, test_set, request.cpus, reporter)
    split = parts.split(
        len(test_set.images), sizing.ii, len(accelerator.design["streams"]), request.cpus
    )
    progress = _images_done(reporter, len(test_set.images), "simulated RTL")
    with reporter.timed("simulate"):
        outputs, run = parts.simulate(
            simulator, test_set.images, sizing.depths, split, request.cpus, progress
        )
    if spec.trace_images:
        tracer = workshop.simulator("build tracer", sizing.depths, exact=spec.exact, trace=True)
        _write_trace(tracer, test_set, sizing, request)

    kind = outcome.kind_of(test_set.predictions)
    predictions = _predict(outputs, accelerator.bundle / "postprocess.npz", kind)
    save_npz(request.outputs / "predictions.npz", outputs=outputs, predictions=predictions)
    _write_package(request.outputs, accelerator, simulator, sizing)
    verdict = judge(
        outputs,
        expected,
        (predictions, test_set.predictions),
        test_set.images,
        request.inputs["export"] / "model.onnx",
        _reference_of(request.inputs["export"]),
    )
    metrics = verdict.as_metrics() | _timing(run, sizing, accelerator.ii_estimated)
    metrics |= {"timed_images": split[0].stop}
    metrics |= {"accuracy": outcome.accuracy(predictions, test_set.labels)}
    metrics |= {"fifos": fifo_table(accelerator.design, sizing.depths)}
    metrics |= _stalls(run, accelerator)
    without_rtl = accelerator.estimated["layers_without_rtl"]
    request.write_metrics(metrics | {"rtl": _simulated_as(without_rtl, exact=spec.exact)})
    if fault := verdict.fault(accelerator.estimated["known_faults"]):
        raise WrongResult(fault)
    _remark(reporter, metrics, verdict.remark())


def _reference(
    accelerator: Accelerator, test_set: TestSet, processes: int, reporter: Reporter
) -> Outputs:
    """What the streamlined model computes."""
    # Late: it takes FINN's Python packages, the rest of the stage does not.
    from finn_worker.reference import accelerator_outputs  # noqa: PLC0415

    elements = accelerator.design["input"]["elements"]
    if test_set.images[0].size != elements:
        raise StageError(
            f"The images have {counted(test_set.images[0].size, 'element')}, the accelerator takes "
            f"{elements}.",
            "Export and compile the same network.",
        )
    with reporter.timed("reference"):
        return accelerator_outputs(
            accelerator.bundle / "streamlined.onnx",
            test_set.images,
            _images_done(reporter, len(test_set.images), "streamlined model"),
            processes,
        )


def _images_done(reporter: Reporter, total: int, text: str) -> Callable[[int], None]:
    return lambda done: reporter.progress(done, total, "image", text)


def _write_trace(
    simulator: Simulator, test_set: TestSet, sizing: KnownSizing, request: Request
) -> None:
    """Waveforms of the first images: every stream, and the ports of every layer."""
    images = test_set.images[: request.spec["trace_images"]]
    simulator.run(images, sizing.depths, trace=request.outputs / "waveforms.vcd")


def _write_package(
    folder: Path, accelerator: Accelerator, simulator: Simulator, sizing: KnownSizing
) -> None:
    """What another machine needs to be this accelerator."""
    package = folder / "package"
    package.mkdir()
    shutil.copy(simulator.executable, package / "simulator")
    (package / "simulator").chmod(0o755)
    shutil.copytree(accelerator.bundle / "rtl" / "memories", package / "memories")
    shutil.copyfile(accelerator.bundle / "postprocess.npz", package / "postprocess.npz")
    design, estimated = accelerator.design, accelerator.estimated
    (package / "fifos.txt").write_text(fifo_lines(design, sizing.depths))
    described = {
        "simulator": "simulator",
        "input": design["input"] | {"file_dtype": "int8" if design["input"]["signed"] else "uint8"},
        "output": design["output"] | {"file_dtype": "<i8"},
        "ii": sizing.ii,
        "dma_bytes_per_cycle": DMA_BYTES_PER_CYCLE,
        "fifos": fifo_table(design, sizing.depths),
    }
    for key in ("board", "part", "clock_mhz"):
        if key in estimated:
            described[key] = estimated[key]
    text = json.dumps(described, indent=1, sort_keys=True)
    (package / "package.json").write_text(text + "\n", encoding="utf-8")


def _predict(outputs: Outputs, postprocess: Path, kind: Kind) -> Predictions:
    """What the logits say, which the host computes in float32."""
    with np.load(postprocess) as data:
        logits = data["scale"] * outputs.astype(np.float32) + data["bias"]
    return outcome.predicted(logits, kind)


def _reference_of(export: Path) -> str:
    """Whose predictions those of an export are."""
    path = export / "metrics.json"
    metrics = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return str(metrics.get("reference", TORCH))


def _timing(run: Run, sizing: KnownSizing, ii_estimated: int) -> dict[str, Any]:
    return {
        "ii_estimated": ii_estimated,
        "ii_simulated": run.ii,
        "ii_unsized": sizing.ii_unsized,
        "latency_cycles": run.latency_cycles,
        "cycles": run.cycles,
    }


def _stalls(run: Run, accelerator: Accelerator) -> dict[str, Any]:
    stalls = stream_stalls(accelerator.design, run)
    layers = accelerator.estimated["simulated"]["layers"]
    return {
        "steady_images": run.steady_images,
        "steady_cycles": run.steady_cycles,
        "stalls": stalls,
        "layers": layer_waits(accelerator.design, stalls, layers),
    }


def _simulated_as(without_rtl: Mapping[str, int], *, exact: bool) -> str:
    text = EXACT if exact else STANDING_IN
    if not without_rtl:
        return text
    kinds = ", ".join(f"{count} {kind}" for kind, count in without_rtl.items())
    return f"{text}; modules of ours for layers that FINN+ has in HLS only: {kinds}"


def _remark(reporter: Reporter, metrics: Mapping[str, Any], about_classes: str) -> None:
    """Say what a person should not overlook."""
    if about_classes:
        reporter.note(about_classes)
    estimated, simulated = metrics["ii_estimated"], metrics["ii_simulated"]
    if abs(simulated - estimated) > TOLERANCE * estimated:
        reporter.note(f"{simulated:g} cycles per image were simulated, {estimated} estimated.")
