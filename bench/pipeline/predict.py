"""What a task is likely to take, predicted from the most similar earlier runs."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bench.pipeline.budget import Work, default_cost
from bench.pipeline.history import Record
from contract.stage import Cost

# How many of the most similar runs count, the latest first: machines and loads change.
LATEST = 3

# By what similarity is judged; what matters most first.
_LIKENESS: tuple[Callable[[Work], str | float], ...] = (
    lambda work: work.variant,
    lambda work: work.network,
    lambda work: work.folding,
    lambda work: work.bits,
    lambda work: work.amount,
)


@dataclass(frozen=True)
class Prediction:
    """What one task is likely to take.

    Attributes:
        runs: How many earlier runs it is from; 0 for a default.
        here: Whether they were on this machine.
    """

    cost: Cost
    runs: int
    here: bool = True


class Predictor:
    """Predicts tasks from the most similar earlier runs.

    Args:
        records: Earlier runs, of any machine.
        machine: Where the tasks will run; if it has records for a stage, only those count.
        cache_since: Time stamp of the simulator cache; None if it is empty.
    """

    def __init__(
        self, records: Sequence[Record], machine: str, cache_since: float | None = None
    ) -> None:
        self._cache_since = cache_since
        self._predictions: dict[Work, Prediction] = {}
        self._machine = machine
        by_stage: dict[str, list[Record]] = defaultdict(list)
        for record in sorted(records, key=lambda record: record.created):
            by_stage[record.work.stage].append(record)
        self._by_stage: dict[str, _Runs] = {}
        self._latest: dict[Work, str] = {}
        for stage, all_records in by_stage.items():
            here = [r for r in all_records if r.machine == machine] or all_records
            self._by_stage[stage] = _Runs(here)
            self._latest |= {record.work: record.created for record in here}

    def predict(self, work: Work) -> Prediction:
        """What `work` is likely to take."""
        if work not in self._predictions:
            self._predictions[work] = self._predict(work)
        return self._predictions[work]

    def _predict(self, work: Work) -> Prediction:
        default = default_cost(work)
        runs = self._by_stage.get(work.stage)
        if runs is None:
            return Prediction(default, 0)
        for level, attribute in enumerate(_LIKENESS):
            runs = runs.narrowed(level, attribute(work))
        like = runs.records[-LATEST:]
        scale = default.seconds
        own = statistics.median(
            (record.seconds - record.build_seconds) * scale / default_cost(record.work).seconds
            for record in like
        )
        build = 0.0 if self._is_built(work) else runs.longest_build
        memory = max(_memory(record, default.memory) for record in like) or default.memory
        disk = int(statistics.median(_disk(record, work, default.disk) for record in like))
        here = like[0].machine == self._machine
        return Prediction(Cost(seconds=own + build, memory=memory, disk=disk), len(like), here)

    def _is_built(self, work: Work) -> bool:
        """Whether the cache still has what earlier runs of the very same work built."""
        if self._cache_since is None or work not in self._latest:
            return False
        latest = datetime.fromisoformat(self._latest[work]).timestamp()
        return latest + 1 >= self._cache_since


def _memory(record: Record, expected: int) -> int:
    """Bytes that work of which `expected` are expected takes, as `record` took of its own.

    Records of versions that declared one figure for a stage can only say that it is more.
    """
    if not record.work.memory:
        return max(record.memory, expected)
    return int(record.memory * expected / record.work.memory)


def _disk(record: Record, work: Work, expected: int) -> int:
    """Bytes that `work` of which `expected` are expected leaves, as `record` left of its own."""
    if record.work.disk:
        return int(record.disk * expected / record.work.disk)
    return record.disk if record.work.network == work.network else expected


class _Runs:
    """At least one earlier run; grouped once by each attribute that is asked for."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self._groups: dict[int, dict[str | float, _Runs]] = {}

    @cached_property
    def longest_build(self) -> float:
        """Seconds."""
        return max(record.build_seconds for record in self.records)

    def narrowed(self, level: int, value: str | float) -> _Runs:
        """Those whose attribute `level` is `value`; all of them where there are none."""
        if level not in self._groups:
            groups: dict[str | float, list[Record]] = defaultdict(list)
            for record in self.records:
                groups[_LIKENESS[level](record.work)].append(record)
            self._groups[level] = {key: _Runs(records) for key, records in groups.items()}
        return self._groups[level].get(value, self)
