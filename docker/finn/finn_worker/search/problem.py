"""What a search chooses from: the options of each layer, and what joins two layers that differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RESOURCES = ("lut", "ff", "bram18", "uram", "dsp")
"""The places of a `Cost`."""

Cost = tuple[int, ...]
"""How much of each of `RESOURCES`."""

FREE: Cost = (0,) * len(RESOURCES)


@dataclass(frozen=True, kw_only=True)
class Option:
    """One way to build a layer.

    Attributes:
        taken: Values in a beat of each of its inputs.
        given: Values in a beat of each of its outputs.
        cycles: Per image.
        cost: Of the layer by itself.
        chosen: The attributes that make it so, by FINN's names.
    """

    taken: int
    given: int
    cycles: int
    cost: Cost
    chosen: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer that has to be built in one of several ways.

    Attributes:
        name: In the hardware graph.
        inputs: The streams that it takes.
        outputs: The streams that it gives.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Joint:
    """What stands between two layers, such as FIFOs and a width converter.

    Attributes:
        cycles: Per image; 0 where it keeps pace with both.
        cost: Of all of it.
    """

    cycles: int
    cost: Cost


Join = Callable[[str, int | None, int | None], Joint | None]
"""What joins a stream's ends, of so many values given and taken in a beat; None where nothing can.

At the ends of the network there is only one of them.
"""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A network to be folded.

    Attributes:
        layers: In an order in which data pass them.
        join: See `Join`.
    """

    layers: Sequence[Layer]
    join: Join


@dataclass(frozen=True)
class Design:
    """One option for each layer.

    Attributes:
        options: The place of each in `Layer.options`.
        cycles: Per image.
        cost: Of all layers and what joins them.
    """

    options: tuple[int, ...]
    cycles: int
    cost: Cost


def designed(problem: Problem, options: Sequence[int]) -> Design:
    """The design of one option for each layer.

    Raises:
        ValueError: Two layers cannot be joined so.
    """
    chosen = [layer.options[each] for layer, each in zip(problem.layers, options, strict=True)]
    pairs = list(zip(problem.layers, chosen, strict=True))
    given = {name: option.given for layer, option in pairs for name in layer.outputs}
    taken = {name: option.taken for layer, option in pairs for name in layer.inputs}
    joints = []
    for name in {**given, **taken}:
        joint = problem.join(name, given.get(name), taken.get(name))
        if joint is None:
            raise ValueError(f"the ends of {name} cannot be joined")
        joints.append(joint)
    cycles = max(part.cycles for part in joints)
    cost = added(*(part.cost for part in chosen), *(part.cost for part in joints))
    return Design(tuple(options), max(cycles, *(part.cycles for part in chosen)), cost)


def added(*costs: Cost) -> Cost:
    """Their sum."""
    return tuple(map(sum, zip(*costs, strict=True))) if costs else FREE
