"""How long a plan takes on the clock: what may overlap, overlaps, as `execute` does it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence

from bench.pipeline.budget import cost, ranks
from bench.pipeline.plan import Task


def wall_seconds(
    tasks: Sequence[Task],
    missing: Mapping[str, float],
    jobs: int,
    memory: int | None,
    ready_at: Mapping[str, float] | None = None,
) -> float:
    """Seconds from the start to the end of a run.

    Args:
        tasks: A plan, each task after those that it needs.
        missing: Seconds of each task that is to run, by task id; the others take no time.
        jobs: How many tasks run at once.
        memory: Bytes that those may take together; None for no bound.
        ready_at: When each environment that is to be set up will be there, in seconds.
    """
    ready_at = ready_at or {}
    rank = ranks(tasks)
    waiting = sorted((task for task in tasks if task.id in missing), key=lambda t: -rank[t.id])
    running: list[tuple[float, str]] = []
    held: dict[str, int] = {}
    ended = {task.id for task in tasks} - set(missing)
    now = 0.0
    while waiting or running:
        for task in list(waiting):
            if not ended.issuperset(task.needs.values()):
                continue
            needed = cost(task).memory
            fits = memory is None or not held or sum(held.values()) + needed <= memory
            if len(held) >= jobs or not fits:
                break  # nothing overtakes: see `execute`
            waiting.remove(task)
            held[task.id] = needed
            start = max(now, ready_at.get(task.stage.environment, 0.0))
            heapq.heappush(running, (start + missing[task.id], task.id))
        now, done = heapq.heappop(running)
        ended.add(done)
        del held[done]
    return now
