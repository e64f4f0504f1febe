"""FINN's own search, `SetFolding`, held against the exact one: both by the same cost model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from finn_worker import folding, legal, steps
from finn_worker.search import records
from finn_worker.search.choose import Search
from finn_worker.search.exact import Found
from finn_worker.search.problem import Layer, designed
from stagekit import Infeasible


def compared(dataflow: ModelWrapper, search: Search, intervals: Sequence[int]) -> dict[str, Any]:
    """What FINN's search finds.

    Its cores are of DSP slices, and its memories those that synthesis chooses; what loses results
    is built otherwise, as in `folding_search`.

    Args:
        dataflow: Of hardware layers that are not specialised yet.
        search: The exact one.
        intervals: Cycles per image that are asked for.

    Returns:
        `designs`, one for each interval: what was asked for, and the design or the `reason` why
        there is none; and `fastest`, that of the fewest cycles within the share, or None.
    """
    known: dict[int, dict[str, Any]] = {}

    def asked(cycles: int) -> dict[str, Any]:
        if cycles not in known:
            known[cycles] = {"asked": cycles, **_found(dataflow, search, cycles)}
        return known[cycles]

    designs = [asked(cycles) for cycles in intervals]
    for cycles in _targets(search):
        asked(cycles)
    fitting = [d for d in known.values() if not d["reason"] and d["size"] <= search.share]
    return {
        "designs": designs,
        "fastest": min(fitting, key=lambda each: (each["interval"], each["size"]), default=None),
    }


def _targets(search: Search) -> list[int]:
    """Cycles to ask FINN's search for: halved from the slowest to the fastest."""
    fastest, *_, slowest = [*search.exact.intervals(), *search.exact.intervals()]
    found = [slowest]
    while found[-1] > fastest:
        found.append(max(fastest, found[-1] // 2))
    return found


def _found(dataflow: ModelWrapper, search: Search, cycles: int) -> dict[str, Any]:
    layers = legal.matrices(dataflow)
    specialized = steps.specialize_rtl(dataflow, search.target.name)
    chosen = folding.search(specialized, cycles)
    try:
        folds, _ = folding.without_losses(layers, chosen.folds)
        folded = folding.apply(dataflow, folds, chosen.settings)
    except Infeasible as finding:
        return {"reason": str(finding)}
    named = zip(legal.names(folded), folded.graph.node, strict=True)
    own = {name: legal.folding(node) for name, node in named}
    options = tuple(_option(layer, own[layer.name]) for layer in search.problem.layers)
    design = designed(search.problem, options)
    found = Found(design, search.exact.size(design.cost))
    return {"reason": None, **records.design(search.problem, search.exact, found)}


def _option(layer: Layer, folded: dict[str, int]) -> int:
    """The option of a layer that is folded so, of DSP slices, with the memory that is built."""
    wanted = {name: value for name, value in folded.items() if value}
    for number, option in enumerate(layer.options):
        chosen = {name: option.chosen[name] for name in option.chosen if name in folded}
        if option.chosen.keys() - folded.keys():
            continue
        same = all(chosen.get(name, wanted[name]) == wanted[name] for name in wanted)
        if same and chosen.get("parallel_window", 0) == folded.get("parallel_window", 0):
            return number
    raise AssertionError(f"{layer.name} has no option {folded}")
