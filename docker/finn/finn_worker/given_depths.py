"""Depths of FIFOs that a folding file gives, by layer: which streams they are of, and what they do.

As in FINN, a FIFO between two layers is as deep as the deeper one of what the two ask for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt
from qonnx.core.modelwrapper import ModelWrapper

from contract.text import counted
from finn_worker import legal
from finn_worker.fifo_sizing import Sizing
from finn_worker.rtl.streams import Streams, join
from finn_worker.rtl.top import MIN_DEPTH, max_depth
from finn_worker.settings import Settings
from finn_worker.simulator import Simulator, StalledError
from stagekit import Infeasible

METRIC = "given_fifo_depths"
"""In the metrics of the compile stage: depths by stream."""


def by_stream(model: ModelWrapper, chosen: Settings) -> dict[str, int]:
    """The depths that are `chosen`, by stream of a specialised graph.

    Raises:
        Infeasible: One is not among those that can be simulated.
    """
    asked = [chosen.get(name, {}) for name in legal.names(model)]
    found: dict[str, int] = {}
    problems = []
    described = Streams(model).described
    for ends, stream in zip(join(model), described, strict=True):
        depths = [
            int(asked[end[0]][attribute][end[1]])
            for end, attribute in (
                (ends.producer, "outFIFODepths"),
                (ends.consumer, "inFIFODepths"),
            )
            if end is not None and attribute in asked[end[0]]
        ]
        if not depths:
            continue
        found[stream["name"]] = max(depths)
        if not MIN_DEPTH <= max(depths) <= max_depth(stream):
            problems.append(
                f"The FIFO of {stream['name']} cannot have {max(depths)} words: "
                f"{MIN_DEPTH} to {max_depth(stream)} can be simulated."
            )
    if problems:
        raise Infeasible(" ".join(problems))
    return found


@dataclass(frozen=True)
class Bench:
    """Where depths are tried.

    Attributes:
        simulator: With adjustable FIFOs.
        frames: Images to time.
        limits: Largest depth of each FIFO.
        dma: Bytes per cycle of the DMAs.
    """

    simulator: Simulator
    frames: npt.NDArray[Any]
    limits: Sequence[int]
    dma: int

    def interval(self, depths: Sequence[int], dma: int = 0) -> float:
        """Cycles per image; raises `StalledError`."""
        run = self.simulator.run(self.frames, depths, dma_bytes_per_cycle=dma, timing_only=True)[1]
        assert run.ii is not None
        return run.ii


def keep(sizing: Sizing, given: Mapping[str, int], bench: Bench) -> Sizing:
    """`sizing` with the depths that are `given`; the other FIFOs are made deeper if that helps.

    Raises:
        Infeasible: However deep the others are, the accelerator stalls.
    """
    names = [str(stream["name"]) for stream in bench.simulator.design["streams"]]
    fixed = {names.index(name): depth for name, depth in given.items()}

    def filled(depths: Sequence[int]) -> list[int]:
        return [fixed.get(number, depth) for number, depth in enumerate(depths)]

    try:
        best = bench.interval(filled(bench.limits))
        with_dma = bench.interval(filled(bench.limits), bench.dma)
    except StalledError as stall:
        asked = ", ".join(f"{name} {depth}" for name, depth in given.items())
        raise Infeasible(
            f"With the FIFOs as deep as is asked for ({asked}) the accelerator stalls, however "
            f"deep the others are: {stall.what}"
        ) from stall
    depths = filled(sizing.depths)
    while not _reaches(bench, depths, best, with_dma):
        pairs = zip(depths, bench.limits, strict=True)
        depths = filled([min(2 * depth, limit) for depth, limit in pairs])
    return replace(sizing, depths=tuple(depths), ii=best, ii_with_dma=with_dma)


def said(given: Mapping[str, int], found: Sizing, kept: Sizing) -> str:
    """What the depths that are given do to the interval."""
    streams = counted(len(given), "FIFO")
    if kept.ii <= found.ii:
        return f"{streams} as deep as the folding says: the interval is kept."
    return (
        f"{streams} as deep as the folding says: an image takes {kept.ii:g} cycles instead of "
        f"{found.ii:g}."
    )


def _reaches(bench: Bench, depths: Sequence[int], best: float, with_dma: float) -> bool:
    try:
        return bench.interval(depths) <= best and bench.interval(depths, bench.dma) <= with_dma
    except StalledError:
        return False
