"""Dask: the throughput of two workers of one processor each, against that of one.

The tasks are equal and depend on one that is done beforehand: trainings of one precision that
differ in their seed, and the same number of stages that only keep a processor busy. The latter
need no environment and no data set, and leave nothing to measure but what Dask and bench add.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import distributed
from distributed import LocalCluster

from bench.cluster import DaskBackend, Site
from bench.cluster.remote import Factory
from bench.errors import EnvironmentFailure
from bench.flows import flow_named, up_to
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.paths import ROOT, environments_folder
from bench.pipeline import Task, execute, plan
from bench.runners.limits import Limits
from benchmarks.figures import Figure
from benchmarks.fixed_work import WORK, FixedSite, rounds_for

GRID = ROOT / "experiments" / "benchmark.toml"
TASKS = 8
SECONDS_OF_WORK = 4.0
START_SECONDS = 60.0
WANTED = 1.7
KEPT_TO = "import os, sys; os.sched_setaffinity(0, {int(sys.argv.pop(1))})\n"
# A worker as `dask worker --nthreads 1` starts it, kept to one processor with all its children.
WORKER = f"{KEPT_TO}from distributed.cli.dask_worker import main\nmain()"


@dataclass(frozen=True)
class Timing:
    """How long the tasks took.

    Attributes:
        seconds: From the first submission to the last result.
        busy: Share of the workers' time that went into stages.
    """

    seconds: float
    busy: float


def figures(store: Path) -> Iterator[Figure]:
    """Time the stages of fixed work, then trainings, for which the train environment is needed.

    Args:
        store: Under which stores are made for the time of the benchmark.

    Raises:
        EnvironmentFailure: There are fewer than two processors.
    """
    processors = _cores()
    if len(processors) < 2:
        raise EnvironmentFailure("This process may use one processor only.")
    (store / "tmp").mkdir(parents=True, exist_ok=True)
    rounds = rounds_for(SECONDS_OF_WORK)
    one, two = (_time_plain(processors[:count], rounds) for count in (1, 2))
    # What the machine allows: two processors share caches, memory and heat.
    yield Figure(f"{TASKS} x the work alone, no Dask, no bench: 2 processors / 1", "x", [one / two])
    yield from _compare(
        f"{TASKS} stages of fixed work", store, processors, lambda path: FixedSite(path, rounds)
    )
    environments = environments_folder(store)
    yield from _compare(
        f"{TASKS} trainings",
        store,
        processors,
        lambda path: Site(path, environments, "venv", Limits()),
    )


def _compare(
    what: str, store: Path, processors: Sequence[int], factory_in: Callable[[Path], Factory]
) -> Iterator[Figure]:
    one, two = (_time(store, processors[:count], factory_in) for count in (1, 2))
    yield Figure(f"{what} on Dask, 1 worker", "s", [one.seconds])
    yield Figure("the same, 2 workers", "s", [two.seconds])
    yield Figure("of it the workers spent in stages, 1 worker", "%", [100 * one.busy])
    yield Figure("the same, 2 workers", "%", [100 * two.busy])
    yield Figure(f"{what}: 2 workers / 1", "x", [one.seconds / two.seconds], WANTED, False)
    # What it would be if the stages took as long beside each other as alone.
    yield Figure("the same, were stages as fast side by side", "x", [2 * two.busy / one.busy])


def _time(store: Path, processors: Sequence[int], factory_in: Callable[[Path], Factory]) -> Timing:
    with tempfile.TemporaryDirectory(dir=store / "tmp") as folder:
        factory = factory_in(Path(folder))
        resolver = factory()
        first, tasks = _tasks()
        summary = execute(first, resolver, 1, 1, lambda _: None)
        if not summary.errors:
            with _cluster(processors) as address:
                backend = DaskBackend(address, resolver, factory, lambda _: None)
                summary = execute(
                    [first[0], *tasks], resolver, 1, 1, lambda _: None, backend=backend
                )
        for error in summary.errors:
            raise error
        entries = [summary.outcomes[task.id].entry for task in tasks]
        seconds = sum(entry.manifest.seconds for entry in entries if entry is not None)
    return Timing(summary.seconds, seconds / len(processors) / summary.seconds)


def _time_plain(processors: Sequence[int], rounds: int) -> float:
    """Seconds for the work of all tasks, as processes one after another on each processor."""
    own = TASKS // len(processors)

    def work(processor: int) -> None:
        for _ in range(own):
            command = [sys.executable, "-c", KEPT_TO + WORK, str(processor), str(rounds)]
            subprocess.run(command, check=True)

    start = time.monotonic()
    with ThreadPoolExecutor(len(processors)) as pool:
        list(pool.map(work, processors))
    return time.monotonic() - start


def _tasks() -> tuple[list[Task], list[Task]]:
    """What is done beforehand: the data set, and a training to warm up; and what is timed."""
    grid = load_grid(GRID)
    seeds = tuple(range(TASKS + 1))
    train = grid.train.model_copy(update={"seeds": seeds, "bits": grid.train.bits[:1]})
    tasks = plan(
        expand(grid.model_copy(update={"train": train})),
        up_to("train", flow_named("finn").all_stages),
    )
    return tasks[:2], tasks[2:]


@contextmanager
def _cluster(processors: Sequence[int]) -> Iterator[str]:
    """The address of a scheduler with a worker on each of `processors`."""
    with (
        LocalCluster(n_workers=0, dashboard_address=None, silence_logs=50) as scheduler,
        tempfile.TemporaryDirectory() as folder,
        ExitStack() as workers,
    ):
        address = scheduler.scheduler_address
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", folder]
        for processor in processors:
            command = [sys.executable, "-c", WORKER, str(processor), address, *options]
            worker = workers.enter_context(
                subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
            )
            workers.callback(worker.terminate)
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(len(processors), timeout=START_SECONDS)
        yield address


def _cores() -> list[int]:
    """Processors of this process, one of each physical core as far as the system knows."""
    processors: dict[str, int] = {}
    for processor in sorted(os.sched_getaffinity(0)):
        topology = Path(f"/sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list")
        core = topology.read_text() if topology.exists() else str(processor)
        processors.setdefault(core, processor)
    return list(processors.values())
