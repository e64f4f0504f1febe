"""How long a plan takes on the clock: what may overlap, overlaps, as `execute` does it."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.pipeline.budget import memory_of
from bench.pipeline.plan import Task


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
    queue = _Queue([task for task in tasks if task.id in missing], rank)
    running: list[tuple[float, str]] = []
    held: dict[str, int] = {}
    total = 0
    now = 0.0
    while queue.ready or running:
        while queue.ready and len(held) < jobs:
            needed = memory_of(queue.first)
            if held and memory is not None and total + needed > memory:
                break  # nothing overtakes: see `execute`
            task = queue.take()
            held[task.id] = needed
            total += needed
            start = max(now, ready_at.get(task.stage.environment, 0.0))
            heapq.heappush(running, (start + missing[task.id], task.id))
        now, done = heapq.heappop(running)
        total -= held.pop(done)
        queue.end(done)
    return now


class _Queue:
    """Tasks, of which those are ready whose needs have ended; those of higher rank first.

    Args:
        tasks: What is to run; whatever else they need has ended.
        rank: By task id.
    """

    def __init__(self, tasks: Sequence[Task], rank: Mapping[str, float]) -> None:
        order = sorted(tasks, key=lambda task: -rank[task.id])
        places = {task.id: place for place, task in enumerate(order)}
        self._order = order
        self._waits_for: dict[int, int] = {}
        self._after: dict[str, list[int]] = defaultdict(list)
        self.ready: list[int] = []
        for place, task in enumerate(order):
            needs = [need for need in task.needs.values() if need in places]
            for need in needs:
                self._after[need].append(place)
            if needs:
                self._waits_for[place] = len(needs)
            else:
                self.ready.append(place)  # in order, and so a heap

    @property
    def first(self) -> Task:
        """The ready task of the highest rank."""
        return self._order[self.ready[0]]

    def take(self) -> Task:
        """Remove that task."""
        return self._order[heapq.heappop(self.ready)]

    def end(self, task_id: str) -> None:
        """Let those go on that waited for a task."""
        for place in self._after.pop(task_id, ()):
            self._waits_for[place] -= 1
            if not self._waits_for[place]:
                heapq.heappush(self.ready, place)
