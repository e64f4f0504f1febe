"""Budgets: what starts first, how much runs at once, and a budget that is too small."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeRunner

from bench.errors import ConfigError
from bench.flows import all_stages
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.networks import NETWORKS
from bench.pipeline import Resolver, Summary, Task, execute, plan
from bench.pipeline.backend import LocalBackend
from bench.pipeline.budget import GIB, default_cost, ranks, works
from bench.pipeline.ensure import Outcome
from bench.pipeline.schedule import MAY_PASS
from bench.runners import Job


def run(
    experiments: Sequence[Point], resolver: Resolver, memory: int | None, jobs: int = 4
) -> Summary:
    tasks = plan(experiments)
    return execute(tasks, resolver, jobs, 4, lambda event: None, memory=memory)


class Gauge:
    """Counts the jobs of `stages` under way; they last long enough to overlap."""

    def __init__(self, runner: FakeRunner, *stages: str) -> None:
        self._stages = stages
        self.most = 0
        self.cpus: list[int] = []
        self._now = 0
        self._lock = threading.Lock()
        runner.before = self.before

    def before(self, job: Job) -> None:
        if self._stages and job.request.stage not in self._stages:
            return
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.cpus.append(job.request.cpus)
        time.sleep(0.02)
        with self._lock:
            self._now -= 1


def test_memory_bounds_what_runs_at_once(experiments, resolver, runner) -> None:  # noqa: ANN001
    gauge = Gauge(runner, "train", "export")  # of which two take more
    summary = run(experiments, resolver, memory=int(0.7 * GIB))
    assert summary.count("done") + summary.count("skipped") == len(plan(experiments))
    assert gauge.most == 1


def test_without_a_bound_the_jobs_do(experiments, resolver, runner) -> None:  # noqa: ANN001
    gauge = Gauge(runner)
    run(experiments, resolver, memory=None, jobs=3)
    assert 1 < gauge.most <= 3


def test_a_lone_task_gets_every_processor(experiments, resolver, runner) -> None:  # noqa: ANN001
    gauge = Gauge(runner)
    run(experiments[:1], resolver, memory=None, jobs=1)
    assert set(gauge.cpus) == {4}
    gauge.cpus.clear()
    run(experiments, resolver, memory=None, jobs=4)
    assert min(gauge.cpus) == 1


def test_a_chain_of_tasks_gets_every_processor(experiments, resolver, runner) -> None:  # noqa: ANN001
    """What waits for a task does not run beside it."""
    gauge = Gauge(runner, "export", "compile", "size")
    run(experiments[:1], resolver, memory=None, jobs=4)
    assert gauge.cpus == [4, 4, 4]


def test_a_budget_smaller_than_one_stage_is_refused_at_once(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    with pytest.raises(ConfigError, match=r"0\.5 GiB, but stage 'export' alone takes .* 0\.6"):
        run(experiments, resolver, memory=GIB // 2)
    assert runner.ran == []


def test_memory_follows_from_the_network_and_its_batches(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    """A task is started with what its own training takes, not with what some training does."""

    def memory_of_training(**changed: object) -> int:
        task = next(task for task in plan(experiments) if task.stage.name == "train")
        specs = dict(task.specs)
        specs["train"] = {**specs["train"], **changed}
        again = replace(task, specs=specs)
        assert works([again])[again.id].memory == again.memory
        return again.memory

    small, cnv = memory_of_training(), NETWORKS["CNV"].architecture.to_json()
    assert memory_of_training(architecture=cnv, image_size=32) > small + GIB // 3
    assert memory_of_training(batch_size=10_000) > small
    assert memory_of_training(image_size=64) > small


def test_a_small_budget_suffices_for_what_is_left(
    experiments: Sequence[Point], resolver: Resolver
) -> None:
    run(experiments, resolver, memory=None)
    again = run(experiments, resolver, memory=1)
    assert again.count("kept") + again.count("skipped") == len(plan(experiments))


def test_the_longest_chain_starts_first(
    grid_file: Path, resolver: Resolver, runner: FakeRunner
) -> None:
    text = grid_file.read_text()
    short = expand(load_grid(grid_file))
    grid_file.write_text(text.replace("epochs = 2", "epochs = 40").replace("[[2, 2]", "[[3, 3]"))
    long = expand(load_grid(grid_file))
    tasks = plan([*short, *long])
    work = works(tasks)
    found = ranks(tasks, work)
    for task in tasks:
        for need in task.needs.values():
            assert found[need] >= found[task.id] + default_cost(work[need]).seconds
    run([*short, *long], resolver, memory=None, jobs=1)
    trained = [name for name in runner.ran if name.startswith("train")]
    assert trained[0].startswith("train tfc-mnist-w3a3")


def test_smaller_tasks_pass_one_that_waits_for_memory_but_not_for_ever(
    experiments: Sequence[Point], resolver: Resolver, runner: FakeRunner
) -> None:
    stages = [all_stages()[name] for name in ("dataset", "train")]
    tasks = plan(experiments, stages)
    dataset, first, second = tasks[:3]
    # As many as may pass, and more; of the two trainings only one has room at a time.
    small = [
        replace(
            second,
            id=str(n),
            name=str(n),
            stage=all_stages()["dataset"],
            specs={"dataset": {**dataset.spec, "name": str(n), "shape": [1, 1, 1]}},
        )
        for n in range(MAY_PASS + 4)
    ]
    submitted: list[str] = []
    change = threading.Condition()

    class Recorded(LocalBackend):
        def submit(self, task: Task, *rest: Any) -> Future[Outcome]:
            with change:
                submitted.append(task.name)
                change.notify_all()
            return super().submit(task, *rest)

    def before(job: Job) -> None:
        if job.task == first.name:
            with change:
                assert change.wait_for(lambda: len(submitted) == 2 + MAY_PASS, timeout=60)
                assert not change.wait_for(lambda: len(submitted) > 2 + MAY_PASS, timeout=0.2)

    runner.before = before
    tasks = [dataset, first, second, *small]
    backend = Recorded(resolver, 2, lambda event: None)
    memory = second.memory + small[0].memory
    summary = execute(tasks, resolver, 2, 2, lambda event: None, memory=memory, backend=backend)
    assert summary.count("done") == len(tasks)
    passed = [task.name for task in small[:MAY_PASS]]
    assert submitted[: 3 + MAY_PASS] == [dataset.name, first.name, *passed, second.name]
