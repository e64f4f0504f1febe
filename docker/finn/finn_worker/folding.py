"""Folding: how many outputs (PE) and inputs (SIMD) of each MVAU are computed per cycle."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finn.transformation.fpgadataflow.set_folding import SetFolding
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from contract.finn import folding as contract
from contract.finn.folding import cycles, legal_pe, legal_simd, loses_results
from contract.text import counted
from finn_worker import implied, legal, settings
from finn_worker.known_faults import SHORT_QUEUE
from finn_worker.legal import Matrix, matrices, of_kind
from finn_worker.settings import Settings
from stagekit import Infeasible, StageError

NO_OTHER = "a layer of one input has no other; give it at least two"


@dataclass(frozen=True)
class Fold:
    """One MVAU's share of the folding."""

    pe: int
    simd: int


@dataclass(frozen=True)
class Replacement:
    """A layer for which the search chose a folding that loses results, and what is built."""

    layer: str
    chosen: Fold
    built: Fold


@dataclass(frozen=True)
class Searched:
    """What FINN+'s search chose.

    Attributes:
        folds: One for each MVAU.
        settings: What of its other choices is kept: generators that give whole windows at once.
    """

    folds: list[Fold]
    settings: Settings


def check(layers: Sequence[Matrix], folds: Sequence[Fold]) -> None:
    """Whether every PE and SIMD divides its layer, and no layer loses results.

    Raises:
        Infeasible: Names every layer for which it cannot be, and what can be.
    """
    problems = []
    for layer, fold in zip(layers, folds, strict=True):
        sizes = counted(layer.inputs, "input"), counted(layer.outputs, "output")
        where = f"{layer.name} ({', '.join(sizes)})"
        misfits = [
            f"{term} does not divide {size}; {', '.join(map(str, could)) or 'nothing'} would"
            for term, value, size, could in (
                (f"PE {fold.pe}", fold.pe, layer.outputs, legal_pe(layer)),
                (f"SIMD {fold.simd}", fold.simd, layer.inputs, legal_simd(layer)),
            )
            if size % value
        ]
        if not misfits and loses_results(layer.inputs, fold.simd):
            misfits = [f"SIMD {fold.simd} {SHORT_QUEUE}; {_instead(layer, fold)}"]
        problems += [f"{where}: {misfit}." for misfit in misfits]
    if problems:
        raise Infeasible(" ".join(problems))


def nearest(layer: Matrix, fold: Fold) -> Fold | None:
    """See `contract.finn.folding.nearest`."""
    found = contract.nearest(layer, fold.pe, fold.simd)
    return None if found is None else Fold(*found)


def without_losses(
    layers: Sequence[Matrix], folds: Sequence[Fold]
) -> tuple[list[Fold], list[Replacement]]:
    """`folds` with the layers that lose results folded otherwise.

    Raises:
        Infeasible: A layer has one input only.
    """
    kept, replaced = [], []
    for layer, fold in zip(layers, folds, strict=True):
        built = fold
        if loses_results(layer.inputs, fold.simd):
            other = nearest(layer, fold)
            if other is None:
                raise Infeasible(f"{layer.name}: SIMD {fold.simd} {SHORT_QUEUE}; {NO_OTHER}.")
            built = other
            replaced.append(Replacement(layer.name, fold, built))
        kept.append(built)
    return kept, replaced


def apply(
    model: ModelWrapper, folds: Sequence[Fold], chosen: Settings | None = None
) -> ModelWrapper:
    """Set PE and SIMD of every MVAU, and of the other layers what these imply (`implied`).

    Args:
        model: Of layers that are not specialised yet.
        folds: One for each MVAU.
        chosen: What else is chosen of layers, by their names.

    Raises:
        Infeasible: A layer cannot be as it should.
    """
    layers = matrices(model)
    check(layers, folds)
    model = copy.deepcopy(model)
    for node, fold in zip(of_kind(model, "MVAU"), folds, strict=True):
        layer = getCustomOp(node)
        layer.set_nodeattr("PE", fold.pe)
        layer.set_nodeattr("SIMD", fold.simd)
    folded = settings.apply(model, chosen or {})
    implied.fold(model, interval(layers, folds), folded)
    return model


def read_back(model: ModelWrapper, asked: ModelWrapper) -> None:
    """Compare the folding of a finished graph with that of the graph that `apply` left.

    That one is checked: no layer of it loses results.

    Raises:
        StageError: A layer is missing or is folded otherwise.
    """
    wanted, got = (_read(graph) for graph in (asked, model))
    if got != wanted:
        changed = [
            f"{name} {_text(wanted.get(name))}, got {_text(got.get(name))}"
            for name in sorted({*wanted, *got})
            if wanted.get(name) != got.get(name)
        ]
        raise StageError(
            f"FINN+ changed the folding: asked for {'; '.join(changed)}.",
            "Report it with the folding and the exported model; the figures would be wrong.",
        )


def search(model: ModelWrapper, wanted: int) -> Searched:
    """What FINN+'s `SetFolding` chooses, which may take more than the cycles asked for.

    Args:
        model: Specialised, since FINN+ searches for such layers only.
        wanted: Cycles per image, at least 1.
    """
    found = copy.deepcopy(model).transform(SetFolding(target_cycles_per_frame=wanted))
    folds = [
        Fold(layer.get_nodeattr("PE"), layer.get_nodeattr("SIMD"))
        for layer in map(getCustomOp, of_kind(found, "MVAU"))
    ]
    return Searched(folds, settings.of_search(found))


def interval(layers: Sequence[Matrix], folds: Sequence[Fold]) -> int:
    """Cycles per image of the slowest MVAU."""
    pairs = zip(layers, folds, strict=True)
    return max(cycles(layer, fold.pe, fold.simd) for layer, fold in pairs)


def text(folds: Sequence[Fold]) -> str:
    """Such as "(2,8) (1,1)": PE and SIMD of each layer."""
    return " ".join(f"({fold.pe},{fold.simd})" for fold in folds)


def _instead(layer: Matrix, fold: Fold) -> str:
    other = nearest(layer, fold)
    if other is None:
        return NO_OTHER
    now, then = (cycles(layer, each.pe, each.simd) for each in (fold, other))
    taken = f"{counted(then, 'cycle')} per image instead of {now}"
    speed = "as fast" if then == now else f"the nearest, {taken}"
    return f"PE {other.pe} with SIMD {other.simd} is {speed}"


def _read(model: ModelWrapper) -> dict[str, dict[str, int]]:
    """How each layer is folded, by its name without the variant."""
    named = zip(legal.names(model), model.graph.node, strict=True)
    return {name: legal.folding(node) for name, node in named if legal.values(node)}


def _text(found: Mapping[str, Any] | None) -> str:
    return " ".join(f"{k} {v}" for k, v in found.items()) if found else "nothing"
