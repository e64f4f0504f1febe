"""How long a plan takes on the clock: what may overlap, overlaps, as `execute` does it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from bench.pipeline.budget import memory_of
from bench.pipeline.plan import Task
from bench.pipeline.ready import ReadyQueue


def wall_seconds(
    tasks: Sequence[Task],
    missing: Mapping[str, float],
    rank: Mapping[str, float],
    jobs: int,
    memory: int | None,
    ready_at: Mapping[str, float] | None = None,
) -> float:
    """Seconds from the start to the end of a run.

    Args:
        tasks: A plan, each task after those that it needs.
        missing: Seconds of each task that is to run, by task id; the others take no time.
        rank: By task id; of the tasks that could start, the one of the highest rank does.
        jobs: How many tasks run at once.
        memory: Bytes that those may take together; None for no bound.
        ready_at: When each environment that is to be set up will be there, in seconds.
    """
    ready_at = ready_at or {}
    queue = ReadyQueue([task for task in tasks if task.id in missing], rank)
    for ready in queue.first:
        queue.add(ready)
    running: list[tuple[float, str]] = []
    held: dict[str, int] = {}
    total = 0
    now = 0.0
    while queue or running:
        while len(held) < jobs:
            room = None if memory is None or not held else memory - total
            task = queue.take(room)
            if task is None:
                break
            held[task.id] = memory_of(task)
            total += held[task.id]
            start = max(now, ready_at.get(task.stage.environment, 0.0))
            heapq.heappush(running, (start + missing[task.id], task.id))
        now, done = heapq.heappop(running)
        total -= held.pop(done)
        for freed in queue.end(done):
            queue.add(freed)
    return now
