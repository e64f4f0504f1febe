"""The folding that a spec asks for, by the names of hardware layers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from contract.finn.compile import CompileSpec
from contract.finn.folding import Setting
from contract.text import counted
from finn_worker import declared
from finn_worker.folding import Fold
from finn_worker.legal import FOLDED_BY, matrices, of_kind
from finn_worker.settings import Settings
from stagekit import StageError

KINDS = frozenset({"MVAU", *FOLDED_BY})


@dataclass(frozen=True)
class Choice:
    """What is asked for.

    Attributes:
        folds: One for each MVAU, in their order; None where a search is to find them.
        settings: What else is chosen, by layer.
    """

    folds: list[Fold] | None
    settings: Settings


def of_spec(spec: CompileSpec, exported: ModelWrapper, dataflow: ModelWrapper) -> Choice:
    """What `spec` chooses for the layers of `dataflow`.

    Args:
        spec: Counts layers as `exported` has them, or names those of `dataflow`.
        exported: The network as it was exported, its nodes in their order.
        dataflow: Of hardware layers that are not specialised yet.

    Raises:
        StageError: It names a layer that is none, leaves one out, or is no folding.
    """
    mvaus = [layer.name for layer in matrices(dataflow)]
    places: list[str] = []
    if any(isinstance(layer, int) for layer, *_ in spec.options):
        places = declared.order(exported, dataflow)
    chosen, unknown = _by_name(spec.options, places, dataflow)
    if spec.folding is not None:
        if len(spec.folding) != len(mvaus):
            raise _other_count(spec.folding, dataflow)
        places = [name for name in declared.order(exported, dataflow) if name in mvaus]
        for name, (pe, simd) in zip(places, spec.folding, strict=True):
            chosen[name] |= {"PE": pe, "SIMD": simd}
    missing = [name for name in mvaus if not {"PE", "SIMD"} <= chosen[name].keys()]
    searched = spec.target_fps is not None or spec.goal is not None
    if unknown or (missing and not searched):
        raise _misnamed(unknown, [] if searched else missing, dataflow)
    folds = None if missing else [_fold(name, chosen[name]) for name in mvaus]
    return Choice(folds, {name: own for name, own in chosen.items() if own})


def _by_name(
    options: Iterable[Setting], places: Sequence[str], dataflow: ModelWrapper
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """What is set of each layer, and the names that are none of a layer."""
    chosen: dict[str, dict[str, Any]] = defaultdict(dict)
    unknown = []
    names = {node.name for node in dataflow.graph.node}
    # First what holds for all layers of a kind: what is said of one of them prevails.
    for layer, attribute, value in sorted(options, key=lambda option: option[0] not in KINDS):
        name = _named(layer, places)
        if layer in KINDS:
            for node in of_kind(dataflow, name):
                chosen[node.name][attribute] = value
        elif name in names:
            chosen[name][attribute] = value
        else:
            unknown.append(str(layer))
    return chosen, unknown


def _named(layer: Any, places: Sequence[str]) -> str:
    if isinstance(layer, int):
        return places[layer - 1] if 0 < layer <= len(places) else ""
    return str(layer)


def _fold(name: str, own: dict[str, Any]) -> Fold:
    pe, simd = own["PE"], own["SIMD"]
    if not all(type(value) is int and value > 0 for value in (pe, simd)):  # bool is an int, too
        raise StageError(
            f"{name} has the folding {[pe, simd]}.",
            "Give each layer a PE and a SIMD: whole numbers from 1 up.",
        )
    return Fold(pe, simd)


def _misnamed(unknown: Iterable[str], missing: Iterable[str], dataflow: ModelWrapper) -> StageError:
    said = [f"{name} is no layer of the network" for name in unknown]
    if missing:
        said.append(f"{', '.join(missing)} without an entry")
    return StageError(f"The folding: {'; '.join(said)}.", _layers(dataflow))


def _other_count(folding: Sequence[Any], dataflow: ModelWrapper) -> StageError:
    return StageError(
        f"The folding has {counted(len(folding), 'layer')}, the network {len(matrices(dataflow))}.",
        f"Give one [PE, SIMD] for each of the network's layers. {_layers(dataflow)}",
    )


def _layers(dataflow: ModelWrapper) -> str:
    shown = ", ".join(map(str, matrices(dataflow)))
    others = [node.name for node in dataflow.graph.node if not node.name.startswith("MVAU_")]
    return f"Layers: {shown}; and, where you like, {', '.join(others)}."
