"""A long simulation in parts, on several processors.

The images of an accelerator are independent of one another: what it computes of one does not depend
on which others it is given. So images are split; cycles are counted in the first part alone, whose
size does not depend on the number of processors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.finn.simulate import TIMED_WORK
from finn_worker.simulator import Outputs, Run, Running, Simulator, StalledError

Images = npt.NDArray[Any]

# In a part, which begins with an empty pipeline.
LEAST_IMAGES = 20


@dataclass(frozen=True)
class Part:
    """Images from `start` up to `stop`; `timed` where their cycles count."""

    start: int
    stop: int
    timed: bool


def split(images: int, cycles_per_image: float, streams: int, processes: int) -> list[Part]:
    """Parts of so many images; the first is the one whose cycles count."""
    affordable = int(TIMED_WORK // max(1.0, cycles_per_image * streams))
    timed = min(images, max(LEAST_IMAGES, affordable))
    rest = images - timed
    count = max(1, min(processes, rest // LEAST_IMAGES))
    ends = [timed + rest * i // count for i in range(count + 1)]
    others = [Part(a, b, timed=False) for a, b in pairwise(ends) if b > a]
    return [Part(0, timed, timed=True), *others]


def simulate(
    simulator: Simulator,
    images: Images,
    depths: Sequence[int],
    parts: Sequence[Part],
    processes: int,
    progress: Callable[[int], None],
) -> tuple[Outputs, Run]:
    """Outputs of all images [N, C], and what was measured of the part that is timed.

    Args:
        simulator: Runs each part.
        images: [N, F] or [N, C, H, W].
        depths: One per stream.
        parts: From `split`.
        processes: Parts at a time.
        progress: Called with the number of images done.

    Raises:
        StalledError: A deadlock; all other parts are ended.
        StageError: The simulator failed.
    """
    running, done = Running(), [0] * len(parts)

    def run(number: int, part: Part) -> tuple[Outputs, Run]:
        def tell(images_done: int) -> None:
            done[number] = images_done
            progress(sum(done))

        return simulator.run(
            images[part.start : part.stop],
            depths,
            progress=tell,
            count_waits=part.timed,
            running=running,
        )

    with ThreadPoolExecutor(processes) as pool:
        futures = [pool.submit(run, number, part) for number, part in enumerate(parts)]
        try:
            finished, _ = wait(futures, return_when=FIRST_EXCEPTION)
            # Before the others are ended: what fails then did not fail by itself.
            for future, part in zip(futures, parts, strict=True):
                if future in finished and (error := future.exception()):
                    raise _of_part(error, part)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            running.end()
    runs = [future.result() for future in futures]
    return np.concatenate([outputs for outputs, _ in runs]), runs[0][1]


def _of_part(error: BaseException, part: Part) -> BaseException:
    """The error, with the images that it is about."""
    if isinstance(error, StalledError) and part.start:
        error.what += f" These images begin with number {part.start}."
        error.args = (error.what,)
    return error
