"""The compile stage: from the exported QONNX model to the RTL of every layer.

Read `compile_model` from top to bottom for the whole flow; `front` holds what comes before the
folding, `steps` the transformations.
"""

from __future__ import annotations

from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from contract.finn.compile import CompileSpec
from finn_worker import (
    canonical,
    design_metrics,
    estimates,
    folding,
    folding_search,
    front,
    given_depths,
    steps,
    toolchain,
)
from finn_worker.folding_search import Found
from finn_worker.rtl.bundle import write_bundle
from finn_worker.verification import Golden, Verifier
from stagekit import Infeasible, Reporter, Request

STEP_COUNT = front.STEP_COUNT + 6


def compile_model(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves streamlined.onnx, dataflow.onnx (as simulated), board.onnx (as built for the board),
    postprocess.npz, metrics.json, and the RTL bundle.

    Raises:
        StageError: Bad input, or a step after which the model computes something else.
        Infeasible: A folding that does not divide its layer, a target out of a search's reach,
            or a design that does not fit and shall not be simulated.
    """
    spec = request.parse(CompileSpec)
    has = estimates.available(spec.board, spec.part)
    toolchain.prepare(request.scratch / "finn")
    verifier = Verifier(Golden.load(request.inputs["export"] / "golden.npz"))
    flow = front.Flow(reporter, verifier, STEP_COUNT)

    streamlined = front.streamlined(flow, request.inputs["export"], request.cache)
    dataflow, postprocess = front.to_dataflow(flow, streamlined, request.scratch)
    exported = ModelWrapper(str(request.inputs["export"] / "model.onnx"))
    found = flow.step("choose folding", folding_search.choose, spec, exported, dataflow)
    folded = flow.step("fold", folding.apply, dataflow, found.folds, found.settings)
    flow.verifier.equal("fold", folded, postprocess)
    simulated = flow.step("specialize to RTL", steps.specialize_rtl, folded, spec.part)
    folding_search.require(found, simulated, spec.clock_mhz)
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
    metrics = design_metrics.metrics(built, simulated, spec.part, has)
    metrics[given_depths.METRIC] = given_depths.by_stream(simulated, found.settings)
    request.write_metrics(_asked(spec, found) | metrics | flow.verifier.findings)
    if note := found.note():
        reporter.note(note)
    flow.finish()
    if not metrics["fits"] and spec.oversized == "stop":
        raise Infeasible(estimates.excess(metrics, has, spec.part))


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
        "search": found.search,
    }
