"""The inspect stage: what a network is in hardware, and which of its designs can be.

It goes through the front part of a compilation, folds each design that is asked for, and leaves
estimates instead of RTL.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from qonnx.core.modelwrapper import ModelWrapper

from contract import outcome
from contract.finn.inspect import SMALLEST, Fields, InspectSpec, Target, nothing_can_be
from finn_worker import (
    design_metrics,
    estimates,
    folding,
    folding_search,
    front,
    given_depths,
    hardware_layers,
    steps,
    toolchain,
)
from finn_worker.folding import Fold
from finn_worker.folding_search import Found
from finn_worker.legal import matrices
from finn_worker.verification import Golden, Verifier, execute
from stagekit import Infeasible, Reporter, Request, StageError

SEED = 1
Graphs = tuple[ModelWrapper, ModelWrapper]
"""A network as it was exported, and of hardware layers that are not specialised yet."""
# Marks each node with its name in the hardware graph, which specialisation renames.
_ORIGIN = "bench_layer"


def inspect_model(request: Request, reporter: Reporter) -> None:
    """Run the stage. Leaves metrics.json.

    Raises:
        StageError: The network cannot be compiled, as the compile stage would say.
        Infeasible: It can, but with none of the foldings that are asked for.
    """
    spec = request.parse(InspectSpec)
    toolchain.prepare(request.scratch / "finn")
    folder = request.inputs.get("draft") or request.inputs["export"]
    designs = [
        (name, fields, target) for name, fields in _foldings(spec) for target in spec.targets
    ]
    flow = front.Flow(reporter, Verifier(golden(folder)), front.STEP_COUNT + len(designs))
    streamlined = front.streamlined(flow, folder, request.cache)
    converted = front.convert(flow, streamlined)
    dataflow, _ = front.partition(flow, converted, request.scratch)
    graphs = ModelWrapper(str(folder / "model.onnx")), dataflow
    looked_at = [_design(flow, graphs, spec, *design) for design in designs]
    failed = [design.error for design in looked_at if design.error is not None]
    if len(failed) == len(designs):
        raise failed[0]
    request.write_metrics(
        {
            "layers": hardware_layers.describe(dataflow),
            "host": hardware_layers.left_to_the_host(converted),
            "designs": [design.record for design in looked_at],
            "known_faults": flow.verifier.faults,
        }
    )
    flow.finish()
    if all(design.record["reason"] for design in looked_at):
        raise Infeasible(nothing_can_be(_reasons([design.record for design in looked_at])))


def _reasons(records: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Why designs cannot be, by folding; with the board where that decides."""
    by_folding: dict[str, dict[str, str]] = {}
    for record in records:
        by_folding.setdefault(record["folding"], {})[record["board"]] = record["reason"]
    found = {}
    for name, reasons in by_folding.items():
        if len(set(reasons.values())) == 1:
            found[name] = next(iter(reasons.values()))
        else:
            found |= {f"{name} on {board}": reason for board, reason in reasons.items()}
    return found


@dataclass(frozen=True)
class _Design:
    """One design: what there is to say, and the error where it is none of the folding's."""

    record: dict[str, Any]
    error: StageError | None = None


def _foldings(spec: InspectSpec) -> tuple[tuple[str, Fields], ...]:
    return spec.foldings or ((SMALLEST, ()),)


def golden(folder: Path) -> Golden:
    """The first golden image of an export; of a draft, which has none, a random one."""
    path = folder / "golden.npz"
    if path.is_file():
        return Golden.load(path).first(1)
    model = front.read(folder / "model.onnx")
    source = model.graph.input[0].name
    datatype = model.get_tensor_datatype(source)
    low, high = int(datatype.min()), int(datatype.max())
    between = np.arange(low, high + 1, 2 if datatype.name == "BIPOLAR" else 1)
    generator = np.random.default_rng(SEED)
    images = generator.choice(between, model.get_tensor_shape(source)).astype(np.float32)
    # As of all others, [N, C]: an output that is an image is refused by its name later.
    logits = execute(model, images).reshape(len(images), -1)
    return Golden(images, logits, outcome.predicted(logits, "classes"))


def _design(
    flow: front.Flow,
    graphs: Graphs,
    spec: InspectSpec,
    name: str,
    fields: Fields,
    target: Target,
) -> _Design:
    board, part = target
    record: dict[str, Any] = {"folding": name, "board": board, "part": part, "reason": None}
    record["clock_mhz"] = spec.clock_mhz
    try:
        found = flow.step(f"fold: {name}", _figures, graphs, spec, fields, target)
    except Infeasible as finding:
        return _Design(record | {"reason": str(finding)})
    except StageError as error:
        return _Design(record | {"reason": error.what}, error)
    return _Design(record | found)


def _figures(graphs: Graphs, spec: InspectSpec, fields: Fields, target: Target) -> dict[str, Any]:
    """What there is to say of one design."""
    exported, dataflow = graphs
    board, part = target
    has = estimates.available(board, part)
    if fields:
        asked = spec.compilation(fields, target)
        found = folding_search.choose(asked, exported, dataflow)
    else:
        found = Found([Fold(1, 1)] * len(matrices(dataflow)))
    marked = _marked(folding.apply(dataflow, found.folds, found.settings))
    simulated = steps.specialize_rtl(marked, part)
    folding_search.require(found, simulated, spec.clock_mhz)
    given_depths.by_stream(simulated, found.settings)
    built = steps.specialize_for_board(marked, part)
    figures = design_metrics.metrics(built, simulated, part, has)
    of_built = dict(zip(_origins(built), figures["layers"], strict=True))
    layers = [
        _layer(origin, layer, of_built.get(origin))
        for origin, layer in zip(_origins(simulated), figures["simulated"]["layers"], strict=True)
    ]
    slowest = max(layers, key=lambda layer: int(layer["cycles"]))
    record = {
        "note": found.note(),
        "by": "estimate",
        "layers": layers,
        "bottleneck": slowest["name"],
        "ii_estimated": figures["ii_estimated"],
        "needed": {name: figures[name] for name in (*estimates.RESOURCES, "dsp_instantiated")},
        "available": figures["available"],
        "fits": figures["fits"],
        "uncharged": figures["uncharged"],
    }
    return record if found.search is None else record | _modelled(layers, found.search)


def _modelled(layers: Sequence[dict[str, Any]], search: Mapping[str, Any]) -> dict[str, Any]:
    """The resources by which the exact search found a design, in place of FINN's estimates."""
    own = {layer["name"]: layer for layer in search["layers"]}
    costs = [own.get(layer["name"], {}) for layer in layers]  # of a width converter, no own ones
    return {
        "by": "model",
        "layers": [
            layer | {name: cost.get(name) for name in estimates.RESOURCES}
            for layer, cost in zip(layers, costs, strict=True)
        ],
        "between": search["between"],
        "reserve": search["reserve"],
        "needed": search["model"],
        "fits": search["size"] <= 1,
        "uncharged": {},
    }


def _marked(model: ModelWrapper) -> ModelWrapper:
    """A copy whose nodes remember their names."""
    model = copy.deepcopy(model)
    for node in model.graph.node:
        node.attribute.append(onnx.helper.make_attribute(_ORIGIN, node.name))
    return model


def _origins(model: ModelWrapper) -> list[str]:
    """For each node, the name that it had, or its own where it was put in later."""
    found = []
    for node in model.graph.node:
        marks = [item.s.decode() for item in node.attribute if item.name == _ORIGIN]
        found.append(marks[0] if marks else node.name)
    return found


def _layer(
    name: str, simulated: Mapping[str, Any], built: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A layer's figures: cycles of what is simulated, resources of what would be built."""
    variant = built or simulated
    return {
        "name": name,
        "op_type": variant["op_type"],
        "stand_in": not simulated["op_type"].endswith("_rtl"),
        "core": simulated["core"],
        "pe": simulated["pe"],
        "simd": simulated["simd"],
        "cycles": simulated["cycles_estimated"],
        **{resource: variant[resource] for resource in estimates.RESOURCES},
    }
