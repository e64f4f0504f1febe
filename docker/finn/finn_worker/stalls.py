"""Who waits for whom: what the simulator's counters say of streams and of layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
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


def layer_cycles(
    stalls: Sequence[Mapping[str, Any]], layers: Sequence[Mapping[str, Any]], run: Run
) -> list[dict[str, Any]]:
    """For each layer: layer, cycles_estimated (an image), and what is left of `steady_cycles`.

    `busy_cycles` are those in which the layer waited neither for an input nor to get rid of an
    output. It may be less than the estimate where a layer fetches ahead while it computes.

    Args:
        stalls: From `stream_stalls`: one more than layers.
        layers: Of the compile stage's metrics, as simulated.
        run: The same run.
    """
    return [
        {
            "layer": layer["name"],
            "cycles_estimated": layer["cycles_estimated"],
            "busy_cycles": (
                run.steady_cycles - before["starved_cycles"] - after["blocked_cycles"]
                if run.steady_images
                else None
            ),
        }
        for layer, (before, after) in zip(layers, pairwise(stalls), strict=True)
    ]
