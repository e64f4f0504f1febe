"""What a run will take, from what earlier runs took; from stated defaults where there were none."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bench.pipeline import history
from bench.pipeline.budget import SETUP_SECONDS, Cost, Work, default_cost, works
from bench.pipeline.history import Record
from bench.pipeline.plan import Task
from bench.pipeline.resolve import Resolver
from bench.pipeline.schedule import wall_seconds
from bench.stages import STAGES
from bench.store import Entry

# Of the runs most like the one to come, how many of the latest count: machines and loads change.
LATEST = 3


@dataclass(frozen=True)
class Prediction:
    """What one task is likely to take.

    Attributes:
        cost: That.
        runs: How many earlier runs say so; 0: it is a default.
        here: Whether they were on this machine.
    """

    cost: Cost
    runs: int
    here: bool = True


@dataclass(frozen=True)
class StageForecast:
    """The tasks of one stage.

    Attributes:
        stage: Its name.
        cached: Tasks whose artifacts are there.
        to_run: Tasks that will run.
        skipped: Tasks that cannot run here, or stand on one that cannot.
        seconds: Of those that will run, one after the other.
        memory: Bytes of the largest of them.
        disk: Bytes that they leave in the store.
        runs: The least number of earlier runs that a prediction stands on; 0: on a default.
    """

    stage: str
    cached: int
    to_run: int
    skipped: int
    seconds: float
    memory: int
    disk: int
    runs: int


@dataclass(frozen=True)
class Forecast:
    """What a run will do and take.

    Attributes:
        stages: Every stage of the plan, in order.
        setups: Environments to be set up first.
        wall_seconds: From start to end, what may overlap overlapping.
        jobs: Tasks at once.
        machine: Where.
        predictions: By task id, of the tasks that will run.
        present: By task id, the artifacts that are there.
    """

    stages: tuple[StageForecast, ...]
    setups: tuple[str, ...]
    wall_seconds: float
    jobs: int
    machine: str
    predictions: Mapping[str, Prediction]
    present: Mapping[str, Entry]

    @property
    def seconds(self) -> float:
        """All tasks, one after the other."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def from_earlier_runs(self) -> bool:
        """Whether most of the time stands on earlier runs, not on defaults."""
        known = sum(p.cost.seconds for p in self.predictions.values() if p.runs)
        return known > self.seconds / 2

    @property
    def elsewhere(self) -> bool:
        """Whether some of those runs were on another machine."""
        return not all(found.here for found in self.predictions.values())

    @property
    def disk(self) -> int:
        """Bytes that the run leaves in the store."""
        return sum(stage.disk for stage in self.stages)

    @property
    def memory(self) -> int:
        """Bytes at the peak, if the `jobs` largest tasks meet."""
        largest = sorted((p.cost.memory for p in self.predictions.values()), reverse=True)
        return sum(largest[: self.jobs])


def forecast(
    tasks: Sequence[Task],
    resolver: Resolver,
    jobs: int,
    memory: int | None,
    host: Mapping[str, str],
) -> Forecast:
    """What a run of `tasks` will do and take; reads the store and changes nothing.

    Args:
        tasks: A plan, each task after those that it needs.
        resolver: Keys, store and runners.
        jobs: How many tasks run at once.
        memory: Bytes that those may take together; None for no bound.
        host: The machine, as a manifest describes it.
    """
    store, machine = resolver.store.root, history.machine_of(host)
    present = resolver.present(tasks)
    work = works(tasks)
    records = history.read(store)
    known = {record.key for record in records}
    # A store from before there was a history, or one that came without.
    for task_id, entry in present.items():
        if entry.manifest.key not in known:
            records.append(history.as_record(entry.manifest, work[task_id]))
    predictor = Predictor(records, machine, _cache_age(store))
    blocked = resolver.blocked(tasks, present)
    predictions = {
        task.id: predictor.predict(work[task.id])
        for task in tasks
        if task.id not in present and task.id not in blocked
    }
    setups = _setups(tasks, predictions, resolver)
    ready_at = _ready_at(setups)
    seconds = {task_id: found.cost.seconds for task_id, found in predictions.items()}
    return Forecast(
        stages=tuple(_stages(tasks, present, predictions)),
        setups=setups,
        wall_seconds=wall_seconds(tasks, seconds, jobs, memory, ready_at),
        jobs=jobs,
        machine=machine,
        predictions=predictions,
        present=present,
    )


class Predictor:
    """Predicts tasks from the earlier runs that are most like them.

    Args:
        records: Earlier runs, of any machine.
        machine: Where the tasks will run; runs of this machine count alone where there are any.
        cache_since: Since when the simulator cache has been kept, as a time stamp; None: empty.
    """

    def __init__(
        self, records: Sequence[Record], machine: str, cache_since: float | None = None
    ) -> None:
        self._by_stage: dict[str, list[Record]] = {}
        self._cache_since = cache_since
        self._known: dict[Work, Prediction] = {}
        self._machine = machine
        for record in sorted(records, key=lambda one: one.created):
            self._by_stage.setdefault(record.work.stage, []).append(record)
        for stage, found in self._by_stage.items():
            here = [record for record in found if record.machine == machine]
            self._by_stage[stage] = here or found

    def predict(self, work: Work) -> Prediction:
        """What `work` is likely to take."""
        if work not in self._known:
            self._known[work] = self._predict(work)
        return self._known[work]

    def _predict(self, work: Work) -> Prediction:
        default = default_cost(work)
        all_like = self._most_like(work)
        like = all_like[-LATEST:]
        if not like:
            return Prediction(default, 0)
        scale = default.seconds
        own = statistics.median(
            (record.seconds - record.build_seconds) * scale / default_cost(record.work).seconds
            for record in like
        )
        build = 0.0 if self._is_built(work, all_like) else max(r.build_seconds for r in all_like)
        memory = max(record.memory for record in like) or default.memory
        disk = int(statistics.median(record.disk for record in like))
        here = like[0].machine == self._machine
        return Prediction(Cost(own + build, memory, disk), len(like), here)

    def _most_like(self, work: Work) -> list[Record]:
        """The runs that share most with `work`; what matters most first."""
        found = self._by_stage.get(work.stage, [])
        for same in _LIKENESS:
            narrower = [record for record in found if same(record.work) == same(work)]
            found = narrower or found
        return found

    def _is_built(self, work: Work, like: Sequence[Record]) -> bool:
        """Whether the cache still has what earlier runs of the very same work built."""
        if self._cache_since is None:
            return False
        return any(
            record.work == work
            and datetime.fromisoformat(record.created).timestamp() + 1 >= self._cache_since
            for record in like
        )


_LIKENESS: tuple[Callable[[Work], str | float], ...] = (
    lambda work: work.variant,
    lambda work: work.network,
    lambda work: work.folding,
    lambda work: work.bits,
    lambda work: work.amount,
)


def _cache_age(store: Path) -> float | None:
    """The time of the oldest simulator in the cache of `store`; None where it has none."""
    times = [path.stat().st_mtime for path in (store / "cache" / "finn").glob("simulator-*")]
    return min(times, default=None)


def _setups(
    tasks: Sequence[Task], predictions: Mapping[str, Prediction], resolver: Resolver
) -> tuple[str, ...]:
    """The environments that the tasks to run need and that are not there."""
    wanted = dict.fromkeys(task.stage.environment for task in tasks if task.id in predictions)
    return tuple(name for name in wanted if not resolver.runners[name].ready(name))


def _ready_at(setups: Sequence[str]) -> dict[str, float]:
    """When each environment is there: one is set up after the other."""
    found, now = {}, 0.0
    for name in setups:
        now += SETUP_SECONDS.get(name, 0.0)
        found[name] = now
    return found


def _stages(
    tasks: Sequence[Task],
    present: Mapping[str, Entry],
    predictions: Mapping[str, Prediction],
) -> list[StageForecast]:
    found = []
    for stage in STAGES:
        own = [task for task in tasks if task.stage is stage]
        if not own:
            continue
        to_run = [predictions[task.id] for task in own if task.id in predictions]
        cached = sum(1 for task in own if task.id in present)
        found.append(
            StageForecast(
                stage=stage.name,
                cached=cached,
                to_run=len(to_run),
                skipped=len(own) - cached - len(to_run),
                seconds=sum(one.cost.seconds for one in to_run),
                memory=max((one.cost.memory for one in to_run), default=0),
                disk=sum(one.cost.disk for one in to_run),
                runs=min((one.runs for one in to_run), default=0),
            )
        )
    return found
