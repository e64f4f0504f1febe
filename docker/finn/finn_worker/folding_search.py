"""FINN+'s own search for a folding, without the choices that lose results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qonnx.core.modelwrapper import ModelWrapper

from finn_worker import folding, steps
from finn_worker.folding import Fold, Matrix, Replacement
from stagekit import Infeasible

# What the quotient of two clocks may lose in floating point.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Found:
    """What was searched for and found.

    Attributes:
        folds: One for each MVAU.
        replaced: Layers for which FINN+ chose another folding.
    """

    folds: list[Fold]
    replaced: list[Replacement]

    def note(self) -> str | None:
        """What a person should know of it."""
        if not self.replaced:
            return None
        changes = [
            f"{item.layer} (PE {item.chosen.pe}, SIMD {item.chosen.simd} became PE "
            f"{item.built.pe}, SIMD {item.built.simd})"
            for item in self.replaced
        ]
        return (
            "FINN+'s search took all inputs of a layer at once (SIMD = MW), which loses results "
            f"in FINN+ 1.6.1; built otherwise: {', '.join(changes)}."
        )


def search(dataflow: ModelWrapper, part: str, clock_mhz: float, target_fps: float) -> Found:
    """What FINN+'s search finds for `target_fps` images per second.

    Raises:
        Infeasible: It finds nothing as fast that is right.
    """
    layers, clock_hz = folding.matrices(dataflow), 1e6 * clock_mhz
    if target_fps > clock_hz * (1 + _ROUNDING):
        raise Infeasible(
            f"{target_fps:.0f} images/s are more than one in each cycle at {clock_mhz:g} MHz; "
            f"at most {clock_hz:.0f} images/s can be asked for."
        )
    slowest = max(layer.cycles(Fold(1, 1)) for layer in layers)
    wanted = int(min(clock_hz / target_fps * (1 + _ROUNDING), slowest))
    chosen = folding.search(steps.specialize_rtl(dataflow, part), wanted)
    folds, replaced = folding.without_losses(layers, chosen)
    found = Found(folds, replaced)
    reached = folding.interval(layers, folds)
    if reached > wanted:
        raise Infeasible(
            _too_slow(found, layers, chosen, wanted)
            + f" At {clock_mhz:g} MHz that is {clock_hz / reached:.0f} images/s where "
            f"{target_fps:.0f} are asked for: {folding.text(folds)}."
        )
    return found


def _too_slow(found: Found, layers: Sequence[Matrix], chosen: Sequence[Fold], wanted: int) -> str:
    by_finn, reached = (folding.interval(layers, folds) for folds in (chosen, found.folds))
    note = found.note()
    if by_finn <= wanted and note is not None:
        return f"{note} So an image takes {reached} cycles instead of {wanted}."
    return (
        f"FINN+'s search for {wanted} cycles per image ends at {reached}; a folding table may go "
        "further."
    )
