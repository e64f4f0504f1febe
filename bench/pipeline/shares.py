"""How many processors a task gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class Shares:
    """Shares processors by how long the other tasks would keep them busy.

    Args:
        seconds: Predicted, of each task that is to be made, by task id.
        cpus: Processors to share.
        jobs: How many tasks run at once.
    """

    def __init__(self, seconds: Mapping[str, float], cpus: int, jobs: int) -> None:
        self._left = dict(seconds)
        self._total = sum(self._left.values())
        self._cpus, self._jobs = cpus, jobs

    def end(self, task_id: str) -> None:
        """A task has ended, or will not run."""
        self._total -= self._left.pop(task_id, 0.0)

    def of(self, task_id: str, behind: Collection[str]) -> int:
        """The processors of a task that starts; `behind` cannot start before it has ended.

        A long task gets those, too, that the others need for a small part of its time only.
        """
        out = [self._left[each] for each in (task_id, *behind) if each in self._left]
        count, others = len(self._left) - len(out), self._total - sum(out)
        own = self._left.get(task_id, 0.0)
        beside = min(self._jobs - 1, count, others / own if own > 0 else count)
        return max(1, round(self._cpus / (1 + max(0.0, beside))))
