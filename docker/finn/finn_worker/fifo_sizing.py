"""The smallest FIFOs that do not slow an accelerator down.

One simulator serves every depth, so a search costs little. What is found is proven by simulation:
each depth was simulated together with the others as they are kept. Where a processor is free, what
may be tried next is simulated ahead; what is found does not depend on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from finn_worker.rtl.top import BLOCK_DEPTH, MAX_DEPTH, MIN_DEPTH, fifo_width
from finn_worker.simulator import Simulator, StalledError
from finn_worker.trials import Trials, trials
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
SHARE = 1 / 64
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
    processes: int = 1,
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
        processes: Simulations at a time.

    Raises:
        StalledError: The accelerator stalls even with the largest FIFOs, or behind a DMA.
        StageError: It stalls because no FIFO is deep enough.
    """
    frames = timing_frames(images, ii_estimated)
    with trials(simulator, processes) as runs:
        design = simulator.design
        search = _Search(runs, design, frames, limits, dma_bytes_per_cycle, progress)
        search.expected = ii_estimated
        if len(limits) ** 2 * len(frames) * ii_estimated > EXHAUSTIVE:
            search.frames = frames[:COARSE_IMAGES]
            return search.coarse(frames)
        return search.exhaustive()


class _Search:
    """What is found so far.

    Args:
        runs: Of the simulator with adjustable FIFOs.
        design: The bundle's `design.json`.
        frames: Images to time.
        limits: Largest depth of each FIFO.
        dma: Bytes per cycle.
        progress: Called with what is being tried.
    """

    def __init__(
        self,
        runs: Trials,
        design: Mapping[str, Any],
        frames: Images,
        limits: Sequence[int],
        dma: int,
        progress: Callable[[str], None],
    ) -> None:
        self.frames = frames
        self.expected = 0
        self._runs, self._dma, self._progress = runs, dma, progress
        # UltraRAM only where nothing less will do.
        self._deepest = list(limits)
        self._limits = [min(limit, BLOCK_DEPTH) for limit in limits]
        self._names = [str(stream["name"]) for stream in design["streams"]]
        self._bits = [fifo_width(stream) for stream in design["streams"]]
        self._stalled_at: str | None = None
        self._unsized: float | None = None
        self._best = math.inf
        self._depths: list[int] = [MIN_DEPTH] * len(limits)

    def exhaustive(self) -> Sizing:
        """No FIFO could be shallower by one item."""
        if self._start():
            for stream in self._largest_first(range(len(self._depths))):
                self._progress(self._names[stream])
                self._shrink(stream)
        return self._behind_dma()

    def coarse(self, frames: Images) -> Sizing:
        """Few images, and depths within a quarter of what would do, or a 64th of all bits.

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
        unsized = self._interval(likely=(self._limits,))
        self._unsized = None if math.isinf(unsized) else unsized
        self._best = self._largest()
        if unsized <= self._best:
            return False
        self._progress("occupancy")
        self._depths = self._occupancy()
        self._deepen()
        return True

    def _largest(self) -> float:
        """The interval with the largest FIFOs.

        Raises:
            StalledError: The accelerator stalls even so.
            StageError: Because a FIFO would have to be deeper than can be simulated.
        """
        try:
            best = self._measure(self._limits)
        except StalledError:
            if self._limits == self._deepest:
                raise
            best = math.inf
        if best > self.expected and self._limits != self._deepest:
            self._progress(f"more than {BLOCK_DEPTH} items")
            reached = self._with_ultra_ram()
            if reached < best:
                best, self._limits = reached, self._deepest
        return best

    def _with_ultra_ram(self) -> float:
        try:
            return self._measure(self._deepest)
        except StalledError as stall:
            if self._deepest[self._names.index(stall.stream)] < MAX_DEPTH:
                raise
            raise StageError(
                f"The accelerator stalls: stream '{stall.stream}' needs a FIFO of more than "
                f"{MAX_DEPTH} words, and deeper ones are not simulated.",
                "Give the layers beside that stream a larger PE, so that an image takes fewer "
                "words, or make the longer branch hold less.",
            ) from stall

    def _occupancy(self) -> list[int]:
        """Depths for what each FIFO holds at most while images come no faster than they are taken.

        At full speed, the first FIFO would fill up however deep it is.
        """
        pace = math.ceil(self._best)
        peaks = self._runs.run(self.frames, self._limits, cycles_per_image=pace).peaks
        pairs = zip(peaks, self._limits, strict=True)
        return [min(max(peak + 1, MIN_DEPTH), limit) for peak, limit in pairs]

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
            quarter = [max(MIN_DEPTH, depth // 2) for depth in self._depths]
            if not self._keeps_up(quarter):
                self._depths = before
                return

    def _lower(self) -> None:
        """All but a few of the largest at their smallest at once, and these few one by one."""
        order = self._largest_first(range(len(self._depths)))
        few = FEW
        while few < len(order) and not self._smallest(order[few:], order[2 * few :]):
            few *= 2
        for stream in order[:few]:
            self._progress(self._names[stream])
            share = SHARE * sum(d * b for d, b in zip(self._depths, self._bits, strict=True))
            self._shrink(stream, spare=COARSE, items=share / self._bits[stream])

    def _smallest(self, streams: Sequence[int], fewer: Sequence[int]) -> bool:
        """Give all of `streams` the smallest FIFO, if that will do; else `fewer` may be next."""
        self._progress(f"{len(streams)} FIFOs")
        before = self._depths
        self._depths = self._with_smallest(before, streams)
        if not self._keeps_up(self._with_smallest(before, fewer)):
            self._depths = before
        return self._depths is not before

    @staticmethod
    def _with_smallest(depths: Sequence[int], streams: Sequence[int]) -> list[int]:
        chosen = set(streams)
        return [MIN_DEPTH if i in chosen else depth for i, depth in enumerate(depths)]

    def _largest_first(self, streams: Iterable[int]) -> list[int]:
        return sorted(streams, key=lambda i: -self._depths[i] * self._bits[i])

    def _shrink(
        self,
        stream: int,
        least: int = MIN_DEPTH,
        dma: int = 0,
        spare: float = 0,
        items: float = 1,
    ) -> None:
        """Make a FIFO as shallow as keeps the interval, by bisection down to `least`.

        Args:
            stream: Which one.
            least: Its smallest depth.
            dma: Bytes per cycle.
            spare: Share of the depth by which it may be too deep,
            items: And items by which it may be.
        """
        enough, too_few = self._depths[stream], least - 1

        def middle(enough: int, too_few: int) -> int | None:
            if enough - too_few <= max(1, spare * enough, items):
                return None
            # Most FIFOs need no more than the least: try that first.
            return least if too_few < least else (enough + too_few) // 2

        while (tried := middle(enough, too_few)) is not None:
            self._depths[stream] = tried
            next_ones = (middle(enough, tried), middle(tried, too_few))
            likely = [self._but(stream, depth) for depth in next_ones if depth is not None]
            if self._keeps_up(*likely, dma=dma):
                enough = tried
            else:
                too_few = tried
        self._depths[stream] = enough

    def _but(self, stream: int, depth: int) -> list[int]:
        """The depths, but for one."""
        return [*self._depths[:stream], depth, *self._depths[stream + 1 :]]

    def _behind_dma(self) -> Sizing:
        self._progress("DMA")
        least, self._depths[INPUT] = self._depths[INPUT], self._limits[INPUT]
        likely = (self._but(INPUT, least),)
        best, self._best = self._best, self._measure(self._depths, self._dma, likely)
        with_dma = self._best
        self._shrink(INPUT, least, self._dma)
        self._best = best
        return Sizing(
            tuple(self._depths),
            self._best,
            with_dma,
            self._unsized,
            self._stalled_at,
            len(self.frames),
        )

    def _keeps_up(self, *likely: Sequence[int], dma: int = 0) -> bool:
        """Whether the depths will do; those that are `likely` to be next may be tried meanwhile."""
        return self._interval(dma, likely) <= self._best

    def _interval(self, dma: int = 0, likely: Sequence[Sequence[int]] = ()) -> float:
        try:
            return self._measure(self._depths, dma, likely)
        except StalledError as stall:
            if self._stalled_at is None and set(self._depths) == {MIN_DEPTH}:
                self._stalled_at = stall.stream
            return math.inf

    def _measure(
        self, depths: Sequence[int], dma: int = 0, likely: Sequence[Sequence[int]] = ()
    ) -> float:
        run = self._runs.run(self.frames, depths, dma, likely=likely)
        assert run.ii is not None
        return run.ii


def timing_frames(images: Images, ii_estimated: int) -> Images:
    """As many images, repeated if need be, as show the steady state."""
    count = min(max(CYCLES // ii_estimated, MIN_IMAGES), MAX_IMAGES)
    return images[np.arange(count) % len(images)]
