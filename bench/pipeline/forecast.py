"""What a run will take: from what earlier runs took, or from stated defaults."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from bench.flows import all_stages
from bench.pipeline import history
from bench.pipeline.budget import SETUP_SECONDS, ranks, works
from bench.pipeline.plan import Task
from bench.pipeline.predict import Prediction, Predictor
from bench.pipeline.schedule import wall_seconds
from bench.pipeline.survey import Survey
from bench.runners import Runner


@dataclass(frozen=True)
class StageForecast:
    """The tasks of one stage.

    Attributes:
        skipped: Tasks that cannot run here, or need one that cannot or is infeasible.
        seconds: Sum over the tasks to run.
        memory: Bytes of the largest task to run.
        disk: Bytes that they leave in the store.
        runs: The fewest earlier runs behind any of the predictions; 0 for a default.
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
        setups: Environments to be set up first.
        wall_seconds: From start to end, with simultaneous tasks.
        jobs: Tasks at once.
        predictions: By task id, of the tasks that will run.
    """

    stages: tuple[StageForecast, ...]
    setups: tuple[str, ...]
    wall_seconds: float
    jobs: int
    machine: str
    predictions: Mapping[str, Prediction]

    @property
    def seconds(self) -> float:
        """The sum over all tasks."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def from_earlier_runs(self) -> bool:
        """Whether most of the time is predicted from earlier runs, not from defaults."""
        measured = sum(p.cost.seconds for p in self.predictions.values() if p.runs)
        return measured > self.seconds / 2

    @property
    def elsewhere(self) -> bool:
        """Whether some of those runs were on another machine."""
        return not all(likely.here for likely in self.predictions.values())

    @property
    def disk(self) -> int:
        """Bytes that the run leaves in the store."""
        return sum(stage.disk for stage in self.stages)

    @property
    def memory(self) -> int:
        """Peak in bytes, if the `jobs` largest tasks run at the same time."""
        return sum(heapq.nlargest(self.jobs, (p.cost.memory for p in self.predictions.values())))


def forecast(
    tasks: Sequence[Task],
    survey: Survey,
    runners: Mapping[str, Runner],
    jobs: int,
    memory: int | None,
    host: Mapping[str, str],
) -> Forecast:
    """What a run of `tasks` will do and take.

    Args:
        tasks: A plan, each task after those that it needs.
        survey: What the store holds of them.
        runners: The runner of each environment.
        jobs: How many tasks run at once.
        memory: Bytes that those may take together; None for no bound.
        host: The machine, as a manifest describes it.
    """
    machine, work, present = history.machine_of(host), works(tasks), survey.present
    records = history.read(survey.root)
    recorded = {record.key for record in records}
    # Artifacts that the history lacks, as in a copied store.
    for task in tasks:
        entry = present.get(task.id)
        if entry is not None and entry.manifest.key not in recorded:
            records.append(history.as_record(entry.manifest, work[task.id]))
    predictor = Predictor(records, machine, _cache_age(survey.root))
    to_run = {task.id for task in survey.missing}
    to_run -= _stopped(tasks, to_run)
    predictions = {t.id: predictor.predict(work[t.id]) for t in tasks if t.id in to_run}
    environments = dict.fromkeys(t.stage.environment for t in tasks if t.id in predictions)
    setups = tuple(name for name in environments if not runners[name].ready(name))
    durations = [SETUP_SECONDS.get(name, 0.0) for name in setups]
    ready_at = dict(zip(setups, accumulate(durations), strict=True))  # set up one after another
    by_stage: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_stage[task.stage.name].append(task)
    seconds = {task_id: likely.cost.seconds for task_id, likely in predictions.items()}
    return Forecast(
        stages=tuple(
            _stage(name, by_stage[name], present.keys(), predictions)
            for name in all_stages()
            if name in by_stage
        ),
        setups=setups,
        wall_seconds=wall_seconds(tasks, seconds, ranks(tasks, work), jobs, memory, ready_at),
        jobs=jobs,
        machine=machine,
        predictions=predictions,
    )


def _stopped(tasks: Sequence[Task], to_run: Collection[str]) -> set[str]:
    """Tasks that need one known to be infeasible; that itself runs, as its finding is a result."""
    stopped: set[str] = set()
    infeasible = {task.id for task in tasks if task.stage.refusal(task.specs) is not None}
    for task in tasks:
        before = task.waits_for if task.id in to_run else task.needs.values()
        if not (infeasible | stopped).isdisjoint(before):
            stopped.add(task.id)
    return stopped


def _cache_age(store: Path) -> float | None:
    """The time of the oldest simulator in the cache of `store`."""
    times = (path.stat().st_mtime for path in (store / "cache" / "finn").glob("simulator-*"))
    return min(times, default=None)


def _stage(
    name: str, tasks: list[Task], present: Collection[str], predictions: Mapping[str, Prediction]
) -> StageForecast:
    to_run = [predictions[task.id] for task in tasks if task.id in predictions]
    cached = sum(1 for task in tasks if task.id in present)
    return StageForecast(
        stage=name,
        cached=cached,
        to_run=len(to_run),
        skipped=len(tasks) - cached - len(to_run),
        seconds=sum(likely.cost.seconds for likely in to_run),
        memory=max((likely.cost.memory for likely in to_run), default=0),
        disk=sum(likely.cost.disk for likely in to_run),
        runs=min((likely.runs for likely in to_run), default=0),
    )
