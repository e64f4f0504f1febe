"""Which task of a plan starts next: in a run, and in a forecast of its duration."""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bench.pipeline.budget import memory_of
from bench.pipeline.plan import Task

# How many smaller tasks may start before one that is waiting for memory.
MAY_PASS = 8


class ReadyQueue:
    """Tasks that are ready once their needs have ended; those of the highest rank come first.

    Args:
        tasks: What is to run; whatever else they need has ended.
        rank: By task id.
    """

    def __init__(self, tasks: Sequence[Task], rank: Mapping[str, float]) -> None:
        self._order = sorted(tasks, key=lambda task: -rank[task.id])
        self._places = {task.id: place for place, task in enumerate(self._order)}
        self._waits_for: dict[str, int] = {}
        self._after: dict[str, list[Task]] = defaultdict(list)
        self._ready: dict[int, list[int]] = defaultdict(list)  # heaps of places, by memory
        self._passed: Counter[int] = Counter()
        self.first: list[Task] = []
        for task in self._order:
            needs = [need for need in task.waits_for if need in self._places]
            for need in needs:
                self._after[need].append(task)
            if needs:
                self._waits_for[task.id] = len(needs)
            else:
                self.first.append(task)

    def __bool__(self) -> bool:
        """Whether a task is ready."""
        return any(self._ready.values())

    def add(self, task: Task) -> None:
        """Make a task ready: from `first`, or returned by `end`."""
        heapq.heappush(self._ready[memory_of(task)], self._places[task.id])

    def take(self, room: int | None) -> Task | None:
        """Remove the ready task of the highest rank that takes no more than `room` bytes.

        While a task waits for memory, smaller ones may start and keep the processors busy, but
        only `MAY_PASS` of them, so that it does not wait forever. No bound if `room` is None.
        """
        passed: list[int] = []
        for place, memory in sorted((heap[0], m) for m, heap in self._ready.items() if heap):
            if room is None or memory <= room:
                self._passed.update(passed)
                return self._order[heapq.heappop(self._ready[memory])]
            if self._passed[place] >= MAY_PASS:
                return None
            passed.append(place)
        return None

    def behind(self, task_id: str) -> set[str]:
        """The tasks that cannot start before this one, which has not ended, has."""
        found: set[str] = set()
        waiting = [task_id]
        while waiting:
            after = {task.id for task in self._after.get(waiting.pop(), ())} - found
            found |= after
            waiting += after
        return found

    def end(self, task_id: str) -> list[Task]:
        """The tasks that waited for this one, and now for no other."""
        waiting = self._after.pop(task_id, [])
        for task in waiting:
            self._waits_for[task.id] -= 1
        return [task for task in waiting if not self._waits_for[task.id]]


def wall_seconds(
    tasks: Sequence[Task],
    missing: Mapping[str, float],
    rank: Mapping[str, float],
    jobs: int,
    memory: int | None,
    ready_at: Mapping[str, float] | None = None,
) -> float:
    """Seconds from the start to the end of a run, with tasks overlapping as in `execute`.

    Args:
        tasks: A plan, each task after those that it needs.
        missing: Seconds of each task that will run, by task id; the others take no time.
        rank: By task id; the ready task of the highest rank starts first.
        jobs: How many tasks run at once.
        memory: Bytes that those may take together; None for no bound.
        ready_at: When each environment still to be set up will be ready, in seconds.
    """
    ready_at = ready_at or {}
    queue = ReadyQueue([task for task in tasks if task.id in missing], rank)
    for ready in queue.first:
        queue.add(ready)
    running: list[tuple[float, str]] = []
    held: dict[str, int] = {}
    total, now = 0, 0.0
    while queue or running:
        while len(held) < jobs:
            task = queue.take(None if memory is None or not held else memory - total)
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
