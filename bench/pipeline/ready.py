"""Which task of a plan starts next: in a run, and in a forecast of how long it takes."""

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
            needs = [need for need in task.needs.values() if need in self._places]
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
        """Make a task ready: one of `first`, or that `end` has given."""
        heapq.heappush(self._ready[memory_of(task)], self._places[task.id])

    def take(self, room: int | None) -> Task | None:
        """Remove the ready task of the highest rank that takes no more than `room` bytes.

        One that finds too little memory lets smaller ones pass, so that no processor idles beside
        it; but only so often, or they could keep it waiting for ever.

        Args:
            room: Bytes; None for no bound.
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

    def end(self, task_id: str) -> list[Task]:
        """The tasks that waited for this one, and now for no other."""
        freed = []
        for task in self._after.pop(task_id, ()):
            self._waits_for[task.id] -= 1
            if not self._waits_for[task.id]:
                freed.append(task)
        return freed
