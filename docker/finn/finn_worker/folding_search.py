"""The folding that is asked for: given, or searched for by FINN+, or by the exact search.

FINN+'s search goes without the choices that lose results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from contract.finn.compile import CompileSpec
from contract.finn.folding import cycles
from contract.finn.goal import goal_of
from contract.text import counted
from finn_worker import choice, estimates, folding, steps
from finn_worker.folding import Fold, Replacement
from finn_worker.legal import Matrix, matrices
from finn_worker.search import choose as exact_search
from finn_worker.search.choose import search_of
from finn_worker.search.part import target_of
from finn_worker.settings import Settings
from stagekit import Infeasible, StageError

# What the quotient of two clocks may lose in floating point.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Found:
    """What was searched for and found.

    Attributes:
        folds: One for each MVAU.
        replaced: Layers for which FINN+ chose another folding.
        settings: What else is chosen, by layer.
        wanted: Cycles per image that were searched for; 0 where nothing was.
        search: What the exact search has to say; None where it was not asked.
    """

    folds: list[Fold]
    replaced: list[Replacement] = field(default_factory=list)
    settings: Settings = field(default_factory=dict)
    wanted: int = 0
    search: dict[str, Any] | None = None

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


def choose(spec: CompileSpec, exported: ModelWrapper, dataflow: ModelWrapper) -> Found:
    """The folding of a graph of hardware layers: as `spec` says, or as a search finds it.

    Args:
        spec: Says it.
        exported: The network as it was exported, its nodes in their order.
        dataflow: Not specialised yet.

    Raises:
        StageError: `spec` misnames the layers.
        Infeasible: The search ends before its target, or nothing fits.
    """
    chosen = choice.of_spec(spec, exported, dataflow)
    if spec.goal is not None:
        return _of_goal(spec, dataflow)
    if spec.target_fps is None:
        assert chosen.folds is not None
        return Found(chosen.folds, settings=chosen.settings)
    found = search(dataflow, spec.part, spec.clock_mhz, spec.target_fps)
    return replace(found, settings={**found.settings, **chosen.settings})


def _of_goal(spec: CompileSpec, dataflow: ModelWrapper) -> Found:
    assert spec.goal is not None
    assert spec.share is not None
    goal = goal_of(spec.goal)
    assert goal is not None, "CompileSpec checks it"
    target = target_of(spec.board, spec.part)
    exact = search_of(dataflow, target, spec.share, spec.cores or ())
    chosen = exact_search.choose(exact, goal)
    own = [chosen.settings[layer.name] for layer in matrices(dataflow)]
    folds = [Fold(each["PE"], each["SIMD"]) for each in own]
    return Found(folds, settings=chosen.settings, search=chosen.record)


def search(dataflow: ModelWrapper, part: str, clock_mhz: float, target_fps: float) -> Found:
    """What FINN+'s search finds for `target_fps` images per second.

    Raises:
        Infeasible: It finds nothing as fast that is right.
    """
    layers, clock_hz = matrices(dataflow), 1e6 * clock_mhz
    if target_fps > clock_hz * (1 + _ROUNDING):
        raise Infeasible(
            f"{_rate(target_fps)} images/s are more than one in each cycle at {clock_mhz:g} MHz; "
            f"at most {_rate(clock_hz)} images/s can be asked for."
        )
    slowest = max(cycles(layer, 1, 1) for layer in layers)
    wanted = int(min(clock_hz / target_fps * (1 + _ROUNDING), slowest))
    specialized = steps.specialize_rtl(dataflow, part)
    target = wanted
    while True:
        chosen = folding.search(specialized, target)
        folds, replaced = folding.without_losses(layers, chosen.folds)
        found = Found(folds, replaced, chosen.settings, wanted)
        reached = folding.interval(layers, folds)
        if reached > wanted:
            raise Infeasible(
                _too_slow(found, layers, chosen.folds, wanted)
                + f" At {clock_mhz:g} MHz that is {_rate(clock_hz / reached)} images/s where "
                f"{_rate(target_fps)} are asked for: {folding.text(folds)}."
            )
        name, taken = _slowest(
            steps.specialize_rtl(folding.apply(dataflow, folds, found.settings), part)
        )
        if taken <= wanted:
            return found
        if reached > target or reached == 1:
            raise Infeasible(
                f"FINN+'s search for {counted(wanted, 'cycle')} per image ends at the {taken:,} of "
                f"{name}, which are {_rate(clock_hz / taken)} images/s at {clock_mhz:g} MHz; "
                f"{_further(wanted)}."
            )
        # Layers around the matrices are as wide as these need them, no faster: ask for more.
        target = max(1, min(reached - 1, reached * wanted // taken))


def require(found: Found, model: ModelWrapper, clock_mhz: float) -> None:
    """Whether no layer of a specialised graph is slower than what was searched for.

    Raises:
        Infeasible: One is, as settings fold it that are given beside a throughput.
        StageError: The exact search counted otherwise.
    """
    name, taken = _slowest(model)
    if found.search is not None and taken != found.search["interval"]:
        raise StageError(
            f"{name} takes {counted(taken, 'cycle')} per image, and the search counted "
            f"{found.search['interval']} of the slowest layer.",
            "Report it with the network: the search may have missed a better design.",
        )
    if found.wanted and taken > found.wanted:
        raise Infeasible(
            f"{name} takes {counted(taken, 'cycle')} per image, folded as is asked for, where "
            f"{found.wanted:,} are: at {clock_mhz:g} MHz that is "
            f"{_rate(1e6 * clock_mhz / taken)} images/s."
        )


def _slowest(model: ModelWrapper) -> tuple[str, int]:
    """The layer of a specialised graph that takes the most cycles per image, and how many."""
    taken = {node.name: estimates.cycles(node) for node in model.graph.node}
    name = max(taken, key=lambda each: taken[each])
    return name, taken[name]


def _too_slow(found: Found, layers: Sequence[Matrix], chosen: Sequence[Fold], wanted: int) -> str:
    by_finn, reached = (folding.interval(layers, folds) for folds in (chosen, found.folds))
    note = found.note()
    if by_finn <= wanted and note is not None:
        return f"{note} So an image takes {counted(reached, 'cycle')} instead of {wanted:,}."
    return (
        f"FINN+'s search for {counted(wanted, 'cycle')} per image ends at {reached:,}; "
        f"{_further(wanted)}."
    )


def _rate(fps: float) -> str:
    """Images per second, such as `3,986` or `3,985.97`."""
    return f"{fps:,.2f}".removesuffix(".00")


def _further(wanted: int) -> str:
    return f"a folding table may go further, and the goal smallest:{wanted} searches all foldings"
