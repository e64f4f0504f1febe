"""Folding: how many outputs (PE) and inputs (SIMD) of each MVAU are computed per cycle."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finn.transformation.fpgadataflow.set_folding import SetFolding
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.custom_op.registry import getCustomOp

from finn_worker import implied
from finn_worker.known_faults import SHORT_QUEUE, loses_results
from stagekit import Infeasible, StageError

NO_OTHER = "a layer of one input has no other; give it at least two"


@dataclass(frozen=True)
class Fold:
    """One MVAU's share of the folding."""

    pe: int
    simd: int


@dataclass(frozen=True)
class Matrix:
    """One MVAU's weight matrix: `mw` inputs, `mh` outputs, used for each of `pixels` an image."""

    layer: str
    mw: int
    mh: int
    pixels: int = 1

    def cycles(self, fold: Fold) -> int:
        """Cycles per image."""
        return self.mw // fold.simd * (self.mh // fold.pe) * self.pixels


@dataclass(frozen=True)
class Replacement:
    """A layer for which the search chose a folding that loses results, and what is built."""

    layer: str
    chosen: Fold
    built: Fold


@dataclass(frozen=True)
class Option:
    """What else of a layer a folding file chooses.

    Attributes:
        layer: MVAU_0 is the first one, Thresholding_0 what follows it.
        attribute: PE of a Thresholding; ram_style or resType of an MVAU.
        value: As FINN spells it.
    """

    layer: str
    attribute: str
    value: int | str


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
    for node in of_kind(model, "MVAU"):
        layer = getCustomOp(node)
        mw, mh, vectors = (layer.get_nodeattr(name) for name in ("MW", "MH", "numInputVectors"))
        found.append(Matrix(node.name, mw, mh, math.prod(vectors)))
    return found


def check(layers: Sequence[Matrix], folds: Sequence[Fold]) -> None:
    """Whether every PE and SIMD divides its layer, and no layer loses results.

    Raises:
        StageError: The number of layers is another than the folding's.
        Infeasible: Names every layer for which it cannot be, and what can be.
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
        where = f"Layer {index} ({layer.layer}, {layer.mw} inputs, {layer.mh} outputs)"
        misfits = [
            f"{term} does not divide {size}; {', '.join(map(str, could)) or 'nothing'} would"
            for term, value, size, could in (
                (f"PE {fold.pe}", fold.pe, layer.mh, divisors(layer.mh)),
                (f"SIMD {fold.simd}", fold.simd, layer.mw, divisors(layer.mw)[:-1]),
            )
            if size % value
        ]
        if not misfits and loses_results(layer.mw, fold.simd):
            misfits = [f"SIMD {fold.simd} {SHORT_QUEUE}; {_instead(layer, fold)}"]
        problems += [f"{where}: {misfit}." for misfit in misfits]
    if problems:
        raise Infeasible(" ".join(problems))


def nearest(layer: Matrix, fold: Fold) -> Fold | None:
    """The folding nearest in speed that loses no results; None for a layer of one input.

    One as fast is taken before a faster one, and that before a slower one; of several, the one
    that takes the most inputs at once: half the SIMD and twice the PE, where both are whole.
    """
    wanted = layer.cycles(fold)
    candidates = [
        Fold(pe, simd)
        for simd in divisors(layer.mw)
        for pe in divisors(layer.mh)
        if not loses_results(layer.mw, simd)
    ]

    def distance(candidate: Fold) -> tuple[bool, int, int]:
        cycles = layer.cycles(candidate)
        return cycles > wanted, abs(cycles - wanted), -candidate.simd

    return min(candidates, key=distance, default=None)


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
        if loses_results(layer.mw, fold.simd):
            other = nearest(layer, fold)
            if other is None:
                raise Infeasible(f"{layer.layer}: SIMD {fold.simd} {SHORT_QUEUE}; {NO_OTHER}.")
            built = other
            replaced.append(Replacement(layer.layer, fold, built))
        kept.append(built)
    return kept, replaced


def apply(
    model: ModelWrapper, folds: Sequence[Fold], options: Sequence[Option] = ()
) -> ModelWrapper:
    """Set PE and SIMD of every MVAU, and of the other layers what these imply (`implied`).

    Args:
        model: Of layers that are not specialised yet.
        folds: One for each MVAU.
        options: What else of a layer is chosen, such as ("Thresholding_0", "PE", 4).
    """
    layers = matrices(model)
    check(layers, folds)
    model = copy.deepcopy(model)
    for node, fold in zip(of_kind(model, "MVAU"), folds, strict=True):
        layer = getCustomOp(node)
        layer.set_nodeattr("PE", fold.pe)
        layer.set_nodeattr("SIMD", fold.simd)
    implied.fold(model, interval(layers, folds))
    for option in options:
        _apply_option(model, option)
    return model


def read_back(model: ModelWrapper, asked: ModelWrapper) -> None:
    """Compare PE and SIMD of a finished graph with those of the graph that `apply` left.

    That one is checked: no layer of it loses results.

    Raises:
        StageError: A layer is missing or has another PE or SIMD.
    """
    wanted, got = (_found(graph) for graph in (asked, model))
    if got != wanted or _other_folds(model) != _other_folds(asked):
        raise StageError(
            f"FINN+ changed the folding: asked for {text(wanted)}, got {text(got)}.",
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
    return max(layer.cycles(fold) for layer, fold in zip(layers, folds, strict=True))


def divisors(number: int) -> list[int]:
    """All divisors of `number`, ascending."""
    return [value for value in range(1, number + 1) if number % value == 0]


def text(folds: Sequence[Fold]) -> str:
    """Such as "(2,8) (1,1)": PE and SIMD of each layer."""
    return " ".join(f"({fold.pe},{fold.simd})" for fold in folds)


def of_kind(model: ModelWrapper, kind: str) -> list[Any]:
    """The nodes of a kind of layer, specialised or not, in the order in which data pass them."""
    return [node for node in model.graph.node if node.op_type.split("_")[0] == kind]


def _apply_option(model: ModelWrapper, option: Option) -> None:
    kind, _, number = option.layer.rpartition("_")
    nodes = of_kind(model, kind)
    if not number.isdecimal() or int(number) >= len(nodes):
        raise StageError(
            f"{option.layer} is no layer of the network.",
            f"Its layers: {', '.join(node.name for node in model.graph.node)}.",
        )
    node = nodes[int(number)]
    layer = getCustomOp(node)
    size = implied.size_of(node, option.attribute)
    if size is not None and option.value not in divisors(size):
        would = ", ".join(map(str, divisors(size)))
        raise Infeasible(
            f"{node.name}: {option.attribute} {option.value} does not divide; {would} would."
        )
    layer.set_nodeattr(option.attribute, option.value)
    if (option.attribute, option.value) == ("resType", "lut"):
        # In RTL, which FINN+ prefers from 4 bits up, an MVAU multiplies in DSP slices only.
        layer.set_nodeattr("preferred_impl_style", "hls")


def _instead(layer: Matrix, fold: Fold) -> str:
    other = nearest(layer, fold)
    if other is None:
        return NO_OTHER
    now, then = layer.cycles(fold), layer.cycles(other)
    speed = "as fast" if then == now else f"the nearest, {then} cycles per image instead of {now}"
    return f"PE {other.pe} with SIMD {other.simd} is {speed}"


def _found(model: ModelWrapper) -> list[Fold]:
    layers = map(getCustomOp, of_kind(model, "MVAU"))
    return [Fold(layer.get_nodeattr("PE"), layer.get_nodeattr("SIMD")) for layer in layers]


def _other_folds(model: ModelWrapper) -> list[tuple[str, int]]:
    """Kind and folding of all layers but MVAUs; where a network branches, in no certain order."""
    return sorted(
        (implied.kind_of(node), getCustomOp(node).get_nodeattr(folded[0]))
        for node in model.graph.node
        if (folded := implied.FOLDED_BY.get(implied.kind_of(node))) is not None
    )


def _is_positive(value: object) -> bool:
    return type(value) is int and value > 0  # bool is an int, too
