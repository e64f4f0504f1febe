"""The folding that a goal leads to, for one network on one board."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from qonnx.core.modelwrapper import ModelWrapper

from contract.finn import parts
from contract.finn.goal import Goal
from contract.text import counted, percent
from finn_worker.search import costs, hardware, records
from finn_worker.search.exact import Exact, Found
from finn_worker.search.goals import Reached, reach
from finn_worker.search.part import SHELL, Target
from finn_worker.search.problem import RESOURCES, Problem
from finn_worker.search.transitions import steps_of
from stagekit import Infeasible


@dataclass(frozen=True, kw_only=True)
class Search:
    """A network as a search sees it.

    Attributes:
        problem: What is chosen from.
        exact: Finds the smallest designs.
        target: The part.
        share: Of it, the most that a design may take.
    """

    problem: Problem
    exact: Exact
    target: Target
    share: float


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """A design that was found.

    Attributes:
        settings: Attributes of every layer, by its name.
        record: What there is to say of it, for metrics.json.
    """

    settings: dict[str, dict[str, Any]]
    record: dict[str, Any]


def search_of(
    dataflow: ModelWrapper, target: Target, share: float, cores: Collection[str]
) -> Search:
    """The search of a graph of hardware layers that are not specialised yet."""
    choices = hardware.Choices(cores=cores, port=target.port)
    problem = hardware.problem_of(dataflow, costs.costs(), choices)
    exact = Exact(steps_of(problem), target.has, SHELL)
    return Search(problem=problem, exact=exact, target=target, share=share)


def choose(search: Search, goal: Goal) -> Chosen:
    """The design that `goal` leads to.

    Raises:
        Infeasible: There is none: by how much it misses, and what would fit.
    """
    reached = reach(search.exact, goal, search.share)
    if reached.found is None:
        raise Infeasible(_nothing(search, goal, reached))
    return Chosen(
        settings=dict(settings(search.problem, reached.found)),
        record={
            "goal": str(goal),
            "share": search.share,
            **records.design(search.problem, search.exact, reached.found),
            "faster": records.faster(search.problem, search.exact, reached.faster),
        },
    )


def settings(problem: Problem, found: Found) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a design sets of each layer."""
    for layer, option in zip(problem.layers, found.design.options, strict=True):
        yield layer.name, dict(layer.options[option].chosen)


def _nothing(search: Search, goal: Goal, reached: Reached) -> str:
    """Why there is no design, by how much the smallest misses, and what would fit."""
    asked = "" if goal.interval is None else f"{counted(goal.interval, 'cycle')} per image"
    if reached.smallest is None:
        least = search.exact.intervals()[0]
        return (
            f"No folding takes {asked} or fewer: the fastest takes {least:,}, "
            f"{records.slowest(search.problem, least)}. Ask for smallest:{least} or more."
        )
    shares = search.exact.shares(reached.smallest.design.cost)
    over = [name for name, taken in shares.items() if taken > search.share]
    has = search.target.has
    taken = ", ".join(
        f"{records.total(reached.smallest, name):,} of {has[name]:,} {name.upper()} "
        f"({percent(shares[name])})"
        for name in over
    )
    return (
        f"No design{' of ' if asked else ''}{asked} fits {percent(search.share)} of "
        f"{search.target.name}: by the cost model, the smallest takes {taken}, the shell included. "
        f"{_remedy(reached.smallest, search)}"
    )


def _remedy(smallest: Found, search: Search) -> str:
    needed = {name: records.total(smallest, name) for name in RESOURCES}
    within = f"Within {percent(search.share)}, it"
    said = [f"{within} would fit {parts.told(parts.would_fit(needed, search.share))}."]
    if smallest.size[0] <= 1:
        said.insert(0, f"A share of {smallest.size[0] + 0.005:.2f} would do.")
    return " ".join([*said, "Or use fewer bits, or a smaller network."])
