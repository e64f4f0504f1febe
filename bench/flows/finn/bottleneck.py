"""What sets the interval of a folded network, as far as it is known before a run."""

from __future__ import annotations

from collections.abc import Sequence

from bench.flows.flow import Bottleneck, Folding, Layers
from contract.architecture import LayerShape
from contract.finn.cycles import (
    HERTZ_PER_MHZ,
    Load,
    loads,
    slowest_without_folding,
    table_of,
)
from contract.finn.folding import FoldingTable, folded, layer_cycles, misfits
from contract.finn.goal import Goal, goal_of

_UNKNOWN = "known when the network is inspected"
_SEARCHED = "known when the design is searched for (bench search shows it)"


def bottleneck(folding: Folding, layers: Layers, clock_mhz: float) -> Bottleneck:
    """The slowest part of the hardware.

    Args:
        folding: Of this flow.
        layers: All with weights.
        clock_mhz: Of the build.
    """
    hertz = clock_mhz * HERTZ_PER_MHZ
    fps = folding.fields["target_fps"]
    if fps is not None:
        return _searched(layers, hertz, fps)
    if folding.fields["goal"] is not None:
        return _of_goal(goal_of(folding.fields["goal"]), hertz)
    if layers is None:
        return Bottleneck(layer=_UNKNOWN)
    table = table_of(folding.fields["folding"], folding.fields["options"], layers)
    if table is None:
        return Bottleneck(layer=_UNKNOWN)
    if misfit := next(misfits(table, folded(layers)), None):
        return Bottleneck(layer=f"none: {misfit[0]}")
    found = loads(layers, table, folding.fields["options"])
    slowest = max(found, key=lambda load: load.cycles)
    return Bottleneck(
        layer=_text(slowest, found, layers, table),
        cycles=slowest.cycles,
        fps=hertz / slowest.cycles,
        shares=tuple(
            max(load.cycles for load in found if load.layer == index) / slowest.cycles
            for index in range(len(layers))
        ),
        is_bound=folding.fields["folding"] is None and any(layer.fork for layer in layers),
    )


def _searched(layers: Layers, hertz: float, fps: float) -> Bottleneck:
    """The search goes on until the target is met, and no layer takes longer than unfolded."""
    most = hertz / fps
    if layers is not None:
        matrices = folded(layers)
        unfolded = max(layer_cycles(matrices, ((1, 1),) * len(matrices)))
        most = max(min(most, unfolded), slowest_without_folding(layers))
    return Bottleneck(layer="by FINN's search", cycles=most, fps=hertz / most, is_bound=True)


def _of_goal(goal: Goal | None, hertz: float) -> Bottleneck:
    """Known is what is asked for, if anything is."""
    if goal is None or goal.interval is None:
        return Bottleneck(layer=_SEARCHED)
    most = goal.interval
    return Bottleneck(layer="by the exact search", cycles=most, fps=hertz / most, is_bound=True)


def _text(
    slowest: Load, found: Sequence[Load], layers: Sequence[LayerShape], table: FoldingTable
) -> str:
    """Such as "fc2: 64 to 64, PE 1, SIMD 1; 1 more like it"."""
    layer = layers[slowest.layer]
    name = layer.name or str(slowest.layer + 1)
    equals = sum(load.cycles == slowest.cycles for load in found) - 1
    also = f"; {equals} more like it" if equals else ""
    if slowest.part:
        return f"{name}: {slowest.part}{also}"
    shape = f"{layer.inputs} to {layer.outputs}"
    if layer.depthwise:
        return f"{name}: depthwise, {shape}{also}"
    pe, simd = table[len(folded(layers[: slowest.layer]))]
    return f"{name}: {shape}, PE {pe}, SIMD {simd}{also}"
