"""The search stage: the best designs of a network with random weights, or of a model.

It goes through the front part of a compilation, and then searches, for each board.
"""

from __future__ import annotations

import math
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from contract.finn.goal import goal_of
from contract.finn.inspect import Target
from contract.finn.search import SearchSpec
from finn_worker import front, inspect, toolchain
from finn_worker.search import records, set_folding
from finn_worker.search.choose import Search, choose, search_of
from finn_worker.search.goals import front as front_of
from finn_worker.search.part import SHELL, target_of
from finn_worker.verification import Verifier
from stagekit import Infeasible, Reporter, Request

DMA_BITS = 64
"""Of an image in a cycle."""


def search_network(request: Request, reporter: Reporter) -> None:
    """Run the stage. Leaves metrics.json.

    Raises:
        StageError: The network cannot be compiled, as the compile stage would say.
        Infeasible: Nothing that is asked for fits any of the boards.
    """
    spec = request.parse(SearchSpec)
    toolchain.prepare(request.scratch / "finn")
    folder = request.inputs.get("draft") or request.inputs["export"]
    steps = front.STEP_COUNT + len(spec.targets)
    flow = front.Flow(reporter, Verifier(inspect.golden(folder)), steps)
    streamlined = front.streamlined(flow, folder, request.cache)
    dataflow, _ = front.to_dataflow(flow, streamlined, request.scratch)
    found = [
        flow.step(f"search for {board}", _of_target, dataflow, spec, (board, part))
        for board, part in spec.targets
    ]
    request.write_metrics({"targets": found, "dma_cycles": dma_cycles(dataflow)})
    flow.finish()
    reasons = [design["reason"] for target in found for design in target["designs"]]
    if all(reasons):
        raise Infeasible(" ".join(dict.fromkeys(reasons)))


def dma_cycles(dataflow: ModelWrapper) -> int:
    """Cycles in which the DMA brings an image."""
    source = dataflow.graph.input[0].name
    bits = int(dataflow.get_tensor_datatype(source).bitwidth())
    values = math.prod(int(size) for size in dataflow.get_tensor_shape(source))
    return math.ceil(values * bits / DMA_BITS)


def _of_target(dataflow: ModelWrapper, spec: SearchSpec, target: Target) -> dict[str, Any]:
    """What fits one board."""
    board, part = target
    search = search_of(dataflow, target_of(board, part), spec.share, spec.cores)
    designs = [_design(search, written) for written in spec.goals]
    fronts = front_of(search.exact, spec.share) if spec.front else []
    fitting = [design for design in designs if not design["reason"]]
    compared = None
    if spec.compared:
        compared = set_folding.compared(dataflow, search, [d["interval"] for d in fitting])
    return {
        "board": board,
        "part": part,
        "clock_mhz": spec.clock_mhz,
        "share": spec.share,
        "cores": list(spec.cores),
        "available": dict(search.target.has),
        "reserve": dict(SHELL),
        "designs": designs,
        "front": [records.design(search.problem, search.exact, each) for each in fronts],
        "compared": compared,
    }


def _design(search: Search, written: str) -> dict[str, Any]:
    goal = goal_of(written)
    assert goal is not None, "SearchSpec checks it"
    try:
        return {"reason": None, **choose(search, goal).record}
    except Infeasible as finding:
        return {"goal": written, "reason": str(finding)}
