"""The smallest FIFOs that do not slow an accelerator down.

One simulator serves every depth, so a search costs little. What is found is proven by simulation:
each depth was simulated together with the others as they are kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from finn_worker.rtl.top import MAX_DEPTH, MIN_DEPTH, fifo_width
from finn_worker.simulator import Simulator, StalledError
from stagekit import StageError

# Enough cycles for a steady state; data do not matter, only their timing.
CYCLES = 30_000
MIN_IMAGES = 12
MAX_IMAGES = 200
INPUT = 0  # the accelerator's first stream

# Up to so many cycles, times the square of the number of FIFOs, every FIFO is searched to the item:
# both the runs and the work of a cycle grow with that number. Beyond, a minute would not do.
EXHAUSTIVE = 150_000_000
COARSE_IMAGES = 6
COARSE = 0.25
FEW = 4

Images = npt.NDArray[np.uint8]


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
    images: Images,
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
        images: Any images [N, F] or [N, C, H, W], N >= 1.
        limits: Largest depth of each FIFO.
        ii_estimated: Expected cycles per image, to choose how long to simulate.
        dma_bytes_per_cycle: Width of the DMAs.
        progress: Called with what is being tried.

    Raises:
        StalledError: The accelerator stalls even with the largest FIFOs, or behind a DMA.
    """
    frames = timing_frames(images, ii_estimated)
    search = _Search(simulator, frames, limits, dma_bytes_per_cycle, progress)
    if len(limits) ** 2 * len(frames) * ii_estimated > EXHAUSTIVE:
        search.frames = frames[:COARSE_IMAGES]
        return search.coarse(frames)
    return search.exhaustive()


class _Search:
    """What is found so far.

    Args:
        simulator: With adjustable FIFOs.
        frames: Images to time.
        limits: Largest depth of each FIFO.
        dma: Bytes per cycle.
        progress: Called with what is being tried.
    """

    def __init__(
        self,
        simulator: Simulator,
        frames: Images,
        limits: Sequence[int],
        dma: int,
        progress: Callable[[str], None],
    ) -> None:
        self.frames = frames
        self._simulator, self._limits, self._dma, self._progress = simulator, limits, dma, progress
        self._names = [str(stream["name"]) for stream in simulator.design["streams"]]
        widths = [fifo_width(stream) for stream in simulator.design["streams"]]
        self._bits = widths
        self._stalled_at: str | None = None
        self._unsized: float | None = None
        self._best = math.inf
        self._depths: list[int] = [MIN_DEPTH] * len(limits)

    def exhaustive(self) -> Sizing:
        """No FIFO could be shallower by one item."""
        if self._start():
            for stream in self._largest_first(range(len(self._depths))):
                self._progress(self._names[stream])
                _shrink(self._depths, stream, self._keeps_up)
        return self._behind_dma()

    def coarse(self, frames: Images) -> Sizing:
        """Few images, and depths within a quarter of what would do.

        Args:
            frames: As many as show the steady state, for which the depths have to do in the end.
        """
        if self._start():
            self._halve_all()
            self._lower()
            self._progress("steady state")
            self.frames = frames
            self._deepen()
        return self._behind_dma()

    def _start(self) -> bool:
        """From the smallest FIFOs to sufficient ones; whether these differ."""
        self._progress("unsized")
        unsized = self._interval()
        self._unsized = None if math.isinf(unsized) else unsized
        self._best = self._largest()
        if unsized <= self._best:
            return False
        self._progress("occupancy")
        self._depths = _occupancy(self._simulator, self.frames, self._limits, math.ceil(self._best))
        self._deepen()
        return True

    def _largest(self) -> float:
        """The interval with the largest FIFOs.

        Raises:
            StalledError: The accelerator stalls even so.
            StageError: Because a FIFO would have to be deeper than FINN builds them.
        """
        try:
            return _interval(self._simulator, self.frames, self._limits)
        except StalledError as stall:
            if self._limits[self._names.index(stall.stream)] < MAX_DEPTH:
                raise
            raise StageError(
                f"The accelerator stalls: stream '{stall.stream}' needs a FIFO of more than "
                f"{MAX_DEPTH} words, beyond which FINN's are UltraRAM, which is not simulated.",
                "Give the layers beside that stream a larger PE, so that an image takes fewer "
                "words, or make the longer branch hold less.",
            ) from stall

    def _deepen(self) -> None:
        while (reached := self._interval()) > self._best:
            if self._depths == list(self._limits):
                self._best = reached  # fewer images had not shown the steady state
                return
            pairs = zip(self._depths, self._limits, strict=True)
            self._depths = [min(2 * depth, limit) for depth, limit in pairs]

    def _halve_all(self) -> None:
        while max(self._depths) > MIN_DEPTH:
            self._progress(f"at most {max(self._depths) // 2} items")
            before = self._depths
            self._depths = [max(MIN_DEPTH, depth // 2) for depth in before]
            if not self._keeps_up():
                self._depths = before
                return

    def _lower(self) -> None:
        """All but a few of the largest at their smallest at once, and these few one by one."""
        order = self._largest_first(range(len(self._depths)))
        few = FEW
        while few < len(order) and not self._smallest(order[few:]):
            few *= 2
        for stream in order[:few]:
            self._progress(self._names[stream])
            _shrink(self._depths, stream, self._keeps_up, spare=COARSE)

    def _smallest(self, streams: Sequence[int]) -> bool:
        """Give all of `streams` the smallest FIFO, if that will do."""
        self._progress(f"{len(streams)} FIFOs")
        before = list(self._depths)
        for stream in streams:
            self._depths[stream] = MIN_DEPTH
        if not self._keeps_up():
            self._depths = before
        return self._depths is not before

    def _largest_first(self, streams: Iterable[int]) -> list[int]:
        return sorted(streams, key=lambda i: -self._depths[i] * self._bits[i])

    def _behind_dma(self) -> Sizing:
        self._progress("DMA")
        least, self._depths[INPUT] = self._depths[INPUT], self._limits[INPUT]
        with_dma = _interval(self._simulator, self.frames, self._depths, self._dma)
        _shrink(self._depths, INPUT, lambda: self._interval(self._dma) <= with_dma, least)
        return Sizing(
            tuple(self._depths),
            self._best,
            with_dma,
            self._unsized,
            self._stalled_at,
            len(self.frames),
        )

    def _keeps_up(self) -> bool:
        return self._interval() <= self._best

    def _interval(self, dma: int = 0) -> float:
        try:
            return _interval(self._simulator, self.frames, self._depths, dma)
        except StalledError as stall:
            if self._stalled_at is None and set(self._depths) == {MIN_DEPTH}:
                self._stalled_at = stall.stream
            return math.inf


def timing_frames(images: Images, ii_estimated: int) -> Images:
    """As many images, repeated if need be, as show the steady state."""
    count = min(max(CYCLES // ii_estimated, MIN_IMAGES), MAX_IMAGES)
    return images[np.arange(count) % len(images)]


def _interval(simulator: Simulator, frames: Images, depths: Sequence[int], dma: int = 0) -> float:
    _, run = simulator.run(frames, depths, dma_bytes_per_cycle=dma)
    assert run.ii is not None
    return run.ii


def _occupancy(
    simulator: Simulator,
    frames: Images,
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
    depths: list[int],
    stream: int,
    keeps_up: Callable[[], bool],
    least: int = MIN_DEPTH,
    spare: float = 0,
) -> None:
    """Make one FIFO of `depths` as shallow as `keeps_up` allows, by bisection down to `least`.

    Args:
        depths: Changed in place.
        stream: Which one.
        keeps_up: Whether `depths` will do.
        least: Its smallest depth.
        spare: Share of the depth by which it may be too deep.
    """
    enough, too_few = depths[stream], least - 1
    while enough - too_few > max(1, spare * enough):
        # Most FIFOs need no more than the least: try that first.
        middle = least if too_few < least else (enough + too_few) // 2
        depths[stream] = middle
        if keeps_up():
            enough = middle
        else:
            too_few = middle
    depths[stream] = enough
