"""Simulations with different FIFOs, several at a time, and none of them twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from finn_worker.simulator import Outputs, Run, Running, Simulator

Images = npt.NDArray[np.uint8]
SMALLEST = 5
_Trial = tuple[int, tuple[int, ...], int, int]


class Trials:
    """Runs of one accelerator; what they give does not depend on how many run at a time.

    Args:
        simulator: With adjustable FIFOs.
        pool: Runs them.
        processes: Most that run at a time.
    """

    def __init__(self, simulator: Simulator, pool: ThreadPoolExecutor, processes: int) -> None:
        self._simulator = simulator
        self._pool = pool
        self._processes = processes
        self._running = Running()
        self._started: dict[_Trial, Future[tuple[Outputs, Run]]] = {}

    def run(
        self,
        frames: Images,
        depths: Sequence[int],
        dma: int = 0,
        cycles_per_image: int = 0,
        likely: Sequence[Sequence[int]] = (),
    ) -> Run:
        """What a simulation measures.

        Args:
            frames: Images; of equal number, the same ones.
            depths: One per stream.
            dma: Bytes per cycle; 0: any.
            cycles_per_image: Offer an image only every so many cycles.
            likely: Depths that may be asked for next, the likeliest first: they are simulated
                meanwhile where a processor has nothing to do.

        Raises:
            StalledError: A deadlock.
        """
        asked = self._start(frames, depths, dma, cycles_per_image)
        for ahead in likely:
            if sum(not future.done() for future in self._started.values()) < self._processes:
                self._start(frames, ahead, dma, cycles_per_image)
        return asked.result()[1]

    def _start(
        self, frames: Images, depths: Sequence[int], dma: int, cycles_per_image: int
    ) -> Future[tuple[Outputs, Run]]:
        # A FIFO holds SMALLEST items however shallow it is, in FINN's fifo.sv.
        alike = tuple(max(depth, SMALLEST) for depth in depths)
        trial = (len(frames), alike, dma, cycles_per_image)
        if trial not in self._started:
            self._started[trial] = self._pool.submit(
                self._simulator.run,
                frames,
                tuple(depths),
                cycles_per_image,
                dma,
                timing_only=True,
                running=self._running,
            )
        return self._started[trial]

    def end(self) -> None:
        """End what was started ahead."""
        self._running.end()


@contextmanager
def trials(simulator: Simulator, processes: int) -> Iterator[Trials]:
    """Trials on so many processors; what still runs in the end is ended."""
    with ThreadPoolExecutor(processes) as pool:
        found = Trials(simulator, pool, processes)
        try:
            yield found
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            found.end()
