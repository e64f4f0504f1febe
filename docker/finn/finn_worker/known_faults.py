"""Faults of FINN+ 1.6.1 itself that a design may meet, and what to tell the person about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def overflowing_queues(layers: Sequence[Mapping[str, Any]]) -> str | None:
    """Warn of layers whose output queue FINN+ makes too short; None where there are none.

    An MVAU in RTL that takes all of a vector's inputs at once (SIMD = MW) may sum in every cycle.
    Stalled, it then has more results on their way than its output queue has places, and loses
    some. docs/decisions/0006-short-output-queue.md derives it.

    Args:
        layers: As in the metrics of the compile stage, of the simulated variant.
    """
    names = [
        str(layer["name"])
        for layer in layers
        if layer["op_type"] == "MVAU_rtl" and layer["simd"] == layer["mw"]
    ]
    if not names:
        return None
    return (
        f"{', '.join(names)}: all inputs at once (SIMD = MW). FINN+ 1.6.1 loses results of such a "
        "layer where what follows keeps it waiting. A smaller SIMD is safe, and as fast if PE "
        "grows by as much."
    )
