"""How much faster one folding is than another: the arithmetic behind the paper's 62x."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bench.words import Precision


@dataclass(frozen=True)
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


def throughput_ratios(results: pd.DataFrame) -> list[Ratio]:
    """One ratio per training and board with at least two simulated foldings."""
    ratios = []
    simulated = results.dropna(subset=["fps_core"])
    identity = ["network", "dataset", "weight_bits", "act_bits", "seed", "board"]
    several_boards = results["board"].nunique() > 1
    for values, group in simulated.groupby(identity, sort=False):
        if len(group) < 2:
            continue
        ordered = group.sort_values("fps_core")
        slow, fast = ordered.iloc[0], ordered.iloc[-1]
        network, dataset, weight_bits, act_bits, seed, board = values
        precision = Precision.of(weight_bits, act_bits)
        where = f" {board}" if several_boards else ""
        both_measured = pd.notna(slow["ii_measured"]) and pd.notna(fast["ii_measured"])
        ratios.append(
            Ratio(
                point=f"{network} {dataset} {precision} seed {seed}{where}",
                slow=slow["folding"],
                fast=fast["folding"],
                core=fast["fps_core"] / slow["fps_core"],
                measured=slow["ii_measured"] / fast["ii_measured"] if both_measured else None,
            )
        )
    return ratios
