"""Folding: how many outputs (PE) and inputs (SIMD) of each MVAU are computed per cycle."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finn.transformation.fpgadataflow.set_folding import SetFolding
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from stagekit import Infeasible, StageError


@dataclass(frozen=True)
class Fold:
    """One MVAU's share of the folding."""

    pe: int
    simd: int


@dataclass(frozen=True)
class Matrix:
    """One MVAU's weight matrix: `mw` inputs, `mh` outputs."""

    layer: str
    mw: int
    mh: int


def parse(folding: Sequence[Sequence[int]]) -> list[Fold]:
    """The spec's [[PE, SIMD], ...]; raises `StageError` on anything else."""
    folds = []
    for index, pair in enumerate(folding, start=1):
        if len(pair) != len(Fold.__match_args__) or not all(map(_is_positive, pair)):
            raise StageError(
                f"Layer {index} has the folding {list(pair)}.",
                "Give each layer a pair [PE, SIMD] of whole numbers from 1 up.",
            )
        folds.append(Fold(*pair))
    return folds


def matrices(model: ModelWrapper) -> list[Matrix]:
    """The MVAUs' weight matrices in the order in which data pass them."""
    found = []
    for node in _mvaus(model):
        layer = getCustomOp(node)
        found.append(Matrix(node.name, layer.get_nodeattr("MW"), layer.get_nodeattr("MH")))
    return found


def check(layers: Sequence[Matrix], folds: Sequence[Fold]) -> None:
    """Whether every PE and SIMD divides its layer.

    Raises:
        StageError: The number of layers is another than the folding's.
        Infeasible: A PE or SIMD does not divide; names every such layer and what would divide.
    """
    if len(layers) != len(folds):
        raise StageError(
            f"The folding has {len(folds)} layers, the network {len(layers)}: "
            + ", ".join(f"{layer.layer} {layer.mw}x{layer.mh}" for layer in layers)
            + ".",
            "Give one [PE, SIMD] for each of the network's layers.",
        )
    problems = []
    for index, (layer, fold) in enumerate(zip(layers, folds, strict=True), start=1):
        if layer.mh % fold.pe:
            problems.append(_problem(index, layer, f"PE {fold.pe}", layer.mh))
        if layer.mw % fold.simd:
            problems.append(_problem(index, layer, f"SIMD {fold.simd}", layer.mw))
    if problems:
        raise Infeasible(" ".join(problems))


def apply(model: ModelWrapper, folds: Sequence[Fold]) -> ModelWrapper:
    """Set PE and SIMD of every MVAU, and of each Thresholding the PE of the MVAU before it."""
    check(matrices(model), folds)
    model = copy.deepcopy(model)
    for node, fold in zip(_mvaus(model), folds, strict=True):
        layer = getCustomOp(node)
        layer.set_nodeattr("PE", fold.pe)
        layer.set_nodeattr("SIMD", fold.simd)
    for node in model.graph.node:
        if node.op_type == "Thresholding":
            producer = model.find_producer(node.input[0])
            if producer is None or producer.op_type != "MVAU":
                raise StageError(
                    f"The thresholds of {node.name} do not follow an MVAU.",
                    "Give the network no quantizer on its input; the images are integers already.",
                )
            getCustomOp(node).set_nodeattr("PE", getCustomOp(producer).get_nodeattr("PE"))
    return model


def read_back(model: ModelWrapper, folds: Sequence[Fold]) -> None:
    """Compare what each MVAU of a finished graph has with what was asked for.

    Raises:
        StageError: A layer is missing or has another PE or SIMD.
    """
    got = _found(model)
    if got != list(folds):
        raise StageError(
            f"FINN+ changed the folding: asked for {text(folds)}, got {text(got)}.",
            "Report it with the folding and the exported model; the figures would be wrong.",
        )


def search(model: ModelWrapper, cycles: int) -> list[Fold]:
    """What FINN+'s `SetFolding` chooses, which may take more than the `cycles` per image asked for.

    Args:
        model: Specialised, since FINN+ searches for such layers only.
        cycles: Per image, at least 1.
    """
    return _found(copy.deepcopy(model).transform(SetFolding(target_cycles_per_frame=cycles)))


def interval(layers: Sequence[Matrix], folds: Sequence[Fold]) -> int:
    """Cycles per image of the slowest layer."""
    pairs = zip(layers, folds, strict=True)
    return max(layer.mw // fold.simd * (layer.mh // fold.pe) for layer, fold in pairs)


def text(folds: Sequence[Fold]) -> str:
    """Such as "(2,8) (1,1)": PE and SIMD of each layer."""
    return " ".join(f"({fold.pe},{fold.simd})" for fold in folds)


def _found(model: ModelWrapper) -> list[Fold]:
    layers = map(getCustomOp, _mvaus(model))
    return [Fold(layer.get_nodeattr("PE"), layer.get_nodeattr("SIMD")) for layer in layers]


def _mvaus(model: ModelWrapper) -> list[Any]:
    return [node for node in model.graph.node if node.op_type.split("_")[0] == "MVAU"]


def _problem(index: int, layer: Matrix, what: str, size: int) -> str:
    divisors = [str(number) for number in range(1, size + 1) if size % number == 0]
    return (
        f"Layer {index} ({layer.layer}, {layer.mw} inputs, {layer.mh} outputs): {what} "
        f"does not divide {size}; {', '.join(divisors)} would."
    )


def _is_positive(value: object) -> bool:
    return type(value) is int and value > 0  # bool is an int, too
