"""The smallest FIFOs that do not slow an accelerator down.

One simulator serves every depth, so a search costs little. What is found is proven by simulation:
each depth was simulated together with the others as they are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finn_worker.rtl.top import MIN_DEPTH, fifo_width
from finn_worker.simulator import Simulator, StalledError

# Enough cycles for a steady state; data do not matter, only their timing.
CYCLES = 30_000
MIN_IMAGES = 12
MAX_IMAGES = 200
INPUT = 0  # the accelerator's first stream


@dataclass(frozen=True)
class Sizing:
    """What the search found.

    Attributes:
        depths: One per stream.
        ii: Cycles per image with these depths, and with any larger ones.
        ii_with_dma: The same, fed and emptied by DMAs of limited width.
        ii_unsized: Cycles per image with every FIFO at its smallest; None for a deadlock.
        stalled_at: The stream at which that deadlock shows.
        frames: Images that the search simulated each time.
    """

    depths: tuple[int, ...]
    ii: float
    ii_with_dma: float
    ii_unsized: float | None
    stalled_at: str | None
    frames: int


def size_fifos(
    simulator: Simulator,
    images: npt.NDArray[np.uint8],
    limits: Sequence[int],
    ii_estimated: int,
    dma_bytes_per_cycle: int,
    progress: Callable[[str], None],
) -> Sizing:
    """Search the smallest depths that keep the accelerator's shortest interval.

    First with inputs that always wait, then with a DMA at either end. A layer that reads an image
    faster than the DMA brings it, and then computes, needs what the DMA can bring meanwhile.

    Args:
        simulator: With adjustable FIFOs.
        images: Any images [N, F], N >= 1.
        limits: Largest depth of each FIFO.
        ii_estimated: Expected cycles per image, to choose how long to simulate.
        dma_bytes_per_cycle: Width of the DMAs.
        progress: Called with what is being tried.

    Raises:
        StalledError: The accelerator stalls even with the largest FIFOs, or behind a DMA.
    """
    frames = timing_frames(images, ii_estimated)
    stalls: list[str] = []

    def interval(depths: Sequence[int], dma: int = 0) -> float:
        try:
            return _interval(simulator, frames, depths, dma)
        except StalledError as stall:
            stalls.append(stall.stream)
            return math.inf

    progress("unsized")
    depths = [MIN_DEPTH] * len(limits)
    unsized = interval(depths)
    stalled_at = stalls[0] if stalls else None
    best = _interval(simulator, frames, limits)
    if unsized > best:
        progress("occupancy")
        depths = _occupancy(simulator, frames, limits, math.ceil(best))
        while interval(depths) > best:
            depths = [min(2 * depth, limit) for depth, limit in zip(depths, limits, strict=True)]
        widths = [fifo_width(stream) for stream in simulator.design["streams"]]
        for stream in sorted(range(len(depths)), key=lambda i: -depths[i] * widths[i]):
            progress(str(simulator.design["streams"][stream]["name"]))
            _shrink(depths, stream, lambda: interval(depths) <= best)

    progress("DMA")
    least, depths[INPUT] = depths[INPUT], limits[INPUT]
    with_dma = _interval(simulator, frames, depths, dma_bytes_per_cycle)
    _shrink(depths, INPUT, lambda: interval(depths, dma_bytes_per_cycle) <= with_dma, least)
    reported = None if math.isinf(unsized) else unsized
    return Sizing(tuple(depths), best, with_dma, reported, stalled_at, len(frames))


def timing_frames(images: npt.NDArray[np.uint8], ii_estimated: int) -> npt.NDArray[np.uint8]:
    """As many images, repeated if need be, as show the steady state."""
    count = min(max(CYCLES // ii_estimated, MIN_IMAGES), MAX_IMAGES)
    return images[np.arange(count) % len(images)]


def _interval(
    simulator: Simulator, frames: npt.NDArray[np.uint8], depths: Sequence[int], dma: int = 0
) -> float:
    _, run = simulator.run(frames, depths, dma_bytes_per_cycle=dma)
    assert run.ii is not None
    return run.ii


def _occupancy(
    simulator: Simulator,
    frames: npt.NDArray[np.uint8],
    limits: Sequence[int],
    cycles_per_image: int,
) -> list[int]:
    """Depths for what each FIFO holds at most while images come no faster than they can be taken.

    At full speed, the first FIFO would fill up however deep it is.
    """
    _, run = simulator.run(frames, limits, cycles_per_image=cycles_per_image)
    return [
        min(max(peak + 1, MIN_DEPTH), limit) for peak, limit in zip(run.peaks, limits, strict=True)
    ]


def _shrink(
    depths: list[int], stream: int, keeps_up: Callable[[], bool], least: int = MIN_DEPTH
) -> None:
    """Make one FIFO of `depths` as shallow as `keeps_up` allows, by bisection down to `least`."""
    enough, too_few = depths[stream], least - 1
    while enough - too_few > 1:
        # Most FIFOs need no more than the least: try that first.
        middle = least if too_few < least else (enough + too_few) // 2
        depths[stream] = middle
        if keeps_up():
            enough = middle
        else:
            too_few = middle
    depths[stream] = enough
