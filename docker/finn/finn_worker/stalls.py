"""Who waits for whom: what the simulator's counters say of streams and of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finn_worker.simulator import Run


def stream_stalls(design: Mapping[str, Any], run: Run) -> list[dict[str, Any]]:
    """For each stream: stream, blocked_cycles and starved_cycles.

    Of the run's `steady_cycles`, in how many the producer offered an item and the FIFO was full,
    and in how many the consumer was ready and the FIFO empty. None each where the run was too
    short for a steady state.
    """
    steady = run.steady_images > 0
    return [
        {
            "stream": stream["name"],
            "blocked_cycles": blocked if steady else None,
            "starved_cycles": starved if steady else None,
        }
        for stream, blocked, starved in zip(
            design["streams"], run.blocked, run.starved, strict=True
        )
    ]


def layer_waits(
    design: Mapping[str, Any],
    stalls: Sequence[Mapping[str, Any]],
    layers: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """For each layer: layer, cycles_estimated (an image), and how long it waited on either side.

    A layer may be ready for an input while an output of its waits: the two may overlap. Of several
    inputs or outputs, the one that was waited for longest counts.

    Args:
        design: The bundle's `design.json`.
        stalls: From `stream_stalls`.
        layers: Of the compile stage's metrics, as simulated: the design's nodes.
    """
    return [
        {
            "layer": layer["name"],
            "cycles_estimated": layer["cycles_estimated"],
            "input_starved_cycles": _longest(stalls, node["inputs"], "starved_cycles"),
            "output_blocked_cycles": _longest(stalls, node["outputs"], "blocked_cycles"),
        }
        for layer, node in zip(layers, design["nodes"], strict=True)
    ]


def _longest(
    stalls: Sequence[Mapping[str, Any]], streams: Mapping[str, int], name: str
) -> int | None:
    cycles = [stalls[stream][name] for stream in streams.values()]
    return None if None in cycles else int(max(cycles))
