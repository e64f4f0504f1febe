"""How much faster one folding is than another: the arithmetic behind the paper's 62x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.report.cells import several
from bench.results import Row, precision
from bench.results.rates import alike_but_for_folding, rate
from bench.results.rows import grouped
from bench.words import Origin


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """The fastest over the slowest folding of one training.

    Attributes:
        point: The training, e.g. `TFC MNIST w2a2 seed 1`, and the board where there are several.
        slow, fast: Names of the two foldings.
        core: Ratio of their throughputs in simulation, nothing but the accelerator counted.
        measured: The same as measured, the board's DMA included, at one clock; None when not
            measured.
    """

    point: str
    slow: str
    fast: str
    core: float
    measured: float | None


def _training(row: Row) -> str:
    bits = precision(row)
    return f" {bits} seed {row['seed']}" if bits else ""


def throughput_ratios(rows: Sequence[Row]) -> list[Ratio]:
    """One ratio per training and board with at least two simulated foldings."""
    boards = several(rows, "board")
    simulated = [(core, row) for row in rows if (core := rate(row, Origin.RTL_SIM))]
    ratios = []
    for group in grouped(simulated, lambda pair: alike_but_for_folding(pair[1])).values():
        if len(group) < 2:
            continue
        (slow_core, slow), *_, (fast_core, fast) = sorted(group, key=lambda pair: pair[0])
        measured = [rate(row, Origin.MEASURED) for row in (slow, fast)]
        where = f" {slow['board']}" if boards else ""
        ratios.append(
            Ratio(
                point=f"{slow['network']} {slow['dataset']}{_training(slow)}{where}",
                slow=slow["folding"],
                fast=fast["folding"],
                core=fast_core / slow_core,
                measured=measured[1] / measured[0] if measured[0] and measured[1] else None,
            )
        )
    return ratios
