"""The compile stage: from the exported QONNX model to the RTL of every layer.

Read `compile_model` from top to bottom for the whole flow; `steps` holds the transformations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper
from qonnx.transformation.general import GiveUniqueNodeNames
from qonnx.transformation.infer_shapes import InferShapes

from contract.finn.compile import CompileSpec
from finn_worker import (
    canonical,
    estimates,
    folding,
    folding_search,
    known_faults,
    steps,
    streamlined_cache,
    streamlining,
    toolchain,
    unsupported,
)
from finn_worker.folding_search import Found
from finn_worker.kept import Cache
from finn_worker.postprocess import Postprocess, extract
from finn_worker.rtl.bundle import write_bundle
from finn_worker.verification import Golden, Verifier
from stagekit import Infeasible, Reporter, Request, StageError, of_the_disk

STREAMLINING: tuple[tuple[str, Callable[[ModelWrapper], ModelWrapper]], ...] = (
    ("QONNX to FINN", steps.qonnx_to_finn),
    ("tidy up", steps.tidy_up),
    ("streamline", streamlining.streamline),
)
STEP_COUNT = len(STREAMLINING) + 9


def compile_model(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves streamlined.onnx, dataflow.onnx (as simulated), board.onnx (as built for the board),
    postprocess.npz, metrics.json, and the RTL bundle.

    Raises:
        StageError: Bad input, or a step after which the model computes something else.
        Infeasible: A folding that does not divide its layer, a target out of the search's reach,
            or a design that does not fit and shall not be simulated.
    """
    spec = request.parse(CompileSpec)
    given = None if spec.folding is None else Found(folding.parse(spec.folding), [])
    has = estimates.available(spec.board, spec.part)
    toolchain.prepare(request.scratch / "finn")
    verifier = Verifier(Golden.load(request.inputs["export"] / "golden.npz"))
    flow = _Flow(reporter, verifier, STEP_COUNT + (given is None))

    streamlined = _streamlined(flow, request.inputs["export"], request.cache)
    dataflow, postprocess = _to_dataflow(flow, streamlined, request.scratch)
    found = given or flow.step("search folding", _search, dataflow, spec)
    options = [folding.Option(*option) for option in spec.options]
    folded = flow.step("fold", folding.apply, dataflow, found.folds, options)
    flow.verifier.equal("fold", folded, postprocess)
    simulated = flow.step("specialize to RTL", steps.specialize_rtl, folded, spec.part)
    flow.verifier.equal("specialize to RTL", simulated, postprocess)
    built = flow.step("specialize for the board", steps.specialize_for_board, folded, spec.part)
    simulated = flow.step("generate RTL", steps.generate_rtl, simulated, spec.part, spec.clock_mhz)
    for graph in (simulated, built):
        folding.read_back(graph, folded)

    canonical.save(streamlined, request.outputs / "streamlined.onnx")
    canonical.save(simulated, request.outputs / "dataflow.onnx")
    canonical.save(built, request.outputs / "board.onnx")
    postprocess.save(request.outputs / "postprocess.npz")
    flow.step("write RTL bundle", write_bundle, simulated, request.outputs)
    metrics = _metrics(built, simulated, spec.part, has)
    request.write_metrics(_asked(spec, found) | metrics | flow.verifier.findings)
    if note := found.note():
        reporter.note(note)
    flow.finish()
    if not metrics["fits"] and spec.oversized == "stop":
        raise Infeasible(estimates.excess(metrics, has, spec.part))


def _search(dataflow: ModelWrapper, spec: CompileSpec) -> Found:
    assert spec.target_fps is not None
    return folding_search.search(dataflow, spec.part, spec.clock_mhz, spec.target_fps)


def _asked(spec: CompileSpec, found: Found) -> dict[str, Any]:
    """What was to be built, and how the layers are folded."""
    return {
        "board": spec.board,
        "part": spec.part,
        "clock_mhz": spec.clock_mhz,
        "folding": [[fold.pe, fold.simd] for fold in found.folds],
        "folding_note": found.note(),
        "options": spec.options,
        "target_fps": spec.target_fps,
    }


class _Flow:
    """Applies steps one after the other and tells how far they have come."""

    def __init__(self, reporter: Reporter, verifier: Verifier, count: int) -> None:
        self.reporter = reporter
        self.verifier = verifier
        self._count = count
        self._done = 0

    def step(self, name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run one step; whatever FINN+ raises becomes a `StageError` that names the step."""
        self.reporter.progress(self._done, self._count, "step", name)
        try:
            with self.reporter.timed(name):
                result = function(*arguments)
        except (StageError, Infeasible):
            raise
        except Exception as error:  # FINN+ raises bare Exceptions and assertions, too
            if said := of_the_disk(error):
                raise said from error
            raise StageError(
                f"FINN+ stopped in step '{name}': {type(error).__name__}: {error}",
                "Compare the network with the supported layers; the log has FINN+'s traceback.",
            ) from error
        self._done += 1
        return result

    def skip(self, count: int) -> None:
        """Steps that need not be done."""
        self._done += count

    def finish(self) -> None:
        """Report the last step as done."""
        self.reporter.progress(self._done, self._count, "step", "done")


def _streamlined(flow: _Flow, export: Path, cache: Path) -> ModelWrapper:
    """The streamlined model, from the cache where another folding has left it there."""
    path = export / "model.onnx"
    if not path.is_file():
        raise StageError("The export holds no model.onnx.", "Run the export stage again.")
    entry = streamlined_cache.place(Cache(cache, flow.reporter.note), export)
    found = flow.step("look for the streamlined model", streamlined_cache.find, entry)
    if found is None:
        made = canonical.serialize(_streamline(flow, path))
        return streamlined_cache.keep(entry, made, flow.verifier.steps)
    model, verified = found
    flow.skip(1 + len(STREAMLINING))
    flow.verifier.check_input(model)
    flow.verifier.limit_to(verified[-1]["images"])
    # The last step is verified once more: all that follows is held to what the model computes.
    flow.verifier.steps = verified[:-1]
    flow.verifier.close(verified[-1]["step"], model)
    return model


def _streamline(flow: _Flow, path: Path) -> ModelWrapper:
    model = flow.step("read the exported model", _read, path)
    flow.verifier.check_input(model)
    flow.verifier.limit(model)
    unsupported.check_exported(model)
    flow.verifier.close("exported", model)
    flow.verifier.exported = model
    for name, function in STREAMLINING:
        model = flow.step(name, function, model)
        flow.verifier.close(name, model)
    return model


def _read(path: Path) -> ModelWrapper:
    """The model, with names for its nodes that messages can use."""
    return ModelWrapper(str(path)).transform(InferShapes()).transform(GiveUniqueNodeNames())


def _to_dataflow(
    flow: _Flow, streamlined: ModelWrapper, scratch: Path
) -> tuple[ModelWrapper, Postprocess]:
    """The accelerator's graph and what the host does with its output."""
    name = "convert to hardware layers"
    model = flow.step(name, steps.convert_to_hardware, streamlined)
    unsupported.check_converted(model)
    flow.verifier.faults = known_faults.of_design(model)
    flow.verifier.equal(name, model, lambda logits: logits, accelerator=False)
    for fault in flow.verifier.faults:
        flow.reporter.note(fault)
    postprocess = extract(model, flow.verifier.classes)
    name = "partition"
    dataflow = flow.step(name, steps.partition, model, scratch)
    flow.verifier.equal(name, dataflow, postprocess)
    return dataflow, postprocess


def _metrics(
    built: ModelWrapper, simulated: ModelWrapper, part: str, has: Mapping[str, int]
) -> dict[str, Any]:
    """Estimates of both variants; the figures outside "simulated" are of the one to be built."""
    layers, simulated_layers = (estimates.layers(model, part) for model in (built, simulated))
    needed = estimates.totals(layers)
    return needed | {
        "ii_estimated": estimates.initiation_interval(simulated_layers),
        "layers": layers,
        "uncharged": estimates.uncharged(layers),
        "matrix_layers": estimates.kinds(layer for layer in layers if layer["mw"] is not None),
        "estimated_variant": f"what FINN+ would build for {part}: {_kinds(layers)}",
        "simulated_variant": _simulated_variant(simulated_layers),
        "layers_without_rtl": _without_rtl(simulated_layers),
        "simulated": estimates.totals(simulated_layers) | {"layers": simulated_layers},
        "available": dict(has),
        "fits": estimates.fits(needed, has),
    }


def _without_rtl(layers: list[estimates.Layer]) -> dict[str, int]:
    """The kinds of layers that Verilog of ours stands for, with their number."""
    return estimates.kinds(layer for layer in layers if not layer["op_type"].endswith("_rtl"))


def _simulated_variant(layers: list[estimates.Layer]) -> str:
    others = [layer for layer in layers if not layer["op_type"].endswith("_rtl")]
    if not others:
        return f"RTL throughout: {_kinds(layers)}"
    return (
        f"RTL: {_kinds([layer for layer in layers if layer not in others])}; by modules that stand "
        f"for layers in HLS: {_kinds(others)}"
    )


def _kinds(layers: list[estimates.Layer]) -> str:
    """Such as "4 MVAU_hls, 3 Thresholding_rtl"."""
    return ", ".join(f"{count} {kind}" for kind, count in estimates.kinds(layers).items())
