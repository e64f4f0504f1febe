"""Runs on a Dask cluster of two worker processes, and what goes wrong with one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import distributed
import pytest
from distributed import LocalCluster

from bench.cli import main
from bench.cluster import DaskBackend
from bench.cluster.backend import CONNECT_SECONDS
from bench.console.events import Event, Note
from bench.errors import EnvironmentFailure, Exit
from bench.grids.experiment import Point, expand
from bench.grids.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import Summary, Task, execute, plan
from cluster_site import TestSite

GRID = ROOT / "experiments" / "quick.toml"
# 1 data set, 3 x draft, inspect, train, export, 9 x compile, size, map, simulate, measure
TASKS = 58
BITSTREAMS = 9  # skipped without Vivado
HANGS_SECONDS = 120  # what takes longer never ends


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def site(tmp_path: Path) -> TestSite:
    return TestSite(tmp_path)


@pytest.fixture
def experiments() -> Sequence[Point]:
    return expand(load_grid(GRID))


Mortal = tuple[str, subprocess.Popen[str]]


@pytest.fixture
def mortal(site: TestSite) -> Iterator[Mortal]:
    """Address and process of a cluster of its own, which a test may kill as a whole."""
    script = site.folder / "cluster.py"
    script.write_text(
        "import sys; from distributed import LocalCluster\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False,"
        " dashboard_address=None, silence_logs=50, protocol='tcp') as cluster:\n"
        "        print(cluster.scheduler_address, flush=True); sys.stdin.read()\n"
    )
    variables = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*sys.path, str(Path(__file__).parent)]),
    }
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(
        [sys.executable, str(script)], text=True, env=variables, **pipes
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip(), process
        process.kill()


def run(
    experiments: Sequence[Point],
    site: TestSite,
    address: str,
    emit: Callable[[Event], None] = lambda event: None,
) -> Summary:
    resolver = site()
    backend = DaskBackend(address, resolver, site, emit)
    return execute(plan(experiments), resolver, 1, 1, emit, backend=backend)


def ran(site: TestSite) -> list[str]:
    path = site.folder / "ran"
    return path.read_text().splitlines() if path.exists() else []


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + HANGS_SECONDS
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.05)
    return path.read_text()


def test_every_stage_runs_once_spread_over_the_workers(experiments, site, address) -> None:  # noqa: ANN001
    events: list[Event] = []
    summary = run(experiments, site, address, events.append)
    assert (summary.exit_code, summary.count("done")) == (Exit.OK, TASKS)
    assert len(ran(site)) == len(set(ran(site))) == TASKS
    processes = {event.text for event in events if isinstance(event, Note)}
    assert len(processes) == 2
    assert f"on {os.getpid()}" not in processes
    assert run(experiments, site, address).count("kept") == TASKS
    assert len(ran(site)) == TASKS


def test_a_worker_that_dies_costs_only_its_stage(experiments, site, address) -> None:  # noqa: ANN001
    task = f"compile {experiments[0].name}"
    (site.folder / "hang").write_text(task)

    def kill() -> None:
        process = int(wait_for(site.folder / "hanging"))
        (site.folder / "hang").unlink()
        os.kill(process, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    summary = run(experiments, site, address)
    killer.join()
    # What it had finished but not yet told is found in the store when it is asked for again.
    finished = summary.count("done") + summary.count("kept")
    assert (summary.exit_code, finished) == (Exit.OK, TASKS)
    again = [what for what in set(ran(site)) if ran(site).count(what) > 1]
    assert again == [task]
    assert list((site.folder / "store" / "tmp").iterdir()) == []


def test_a_failure_stops_only_what_depends_on_it(experiments, site, address) -> None:  # noqa: ANN001
    (site.folder / "fail").write_text(f"compile {experiments[0].name}")
    summary = run(experiments, site, address)
    assert (summary.count("failed"), summary.count("skipped")) == (1, 4 + BITSTREAMS)
    assert summary.count("done") == TASKS - 5
    (error,) = summary.errors
    assert (error.what, error.remedy) == ("It broke.", "Mend it.")
    assert error.log is not None
    assert error.log.read_text() == "working\n"


def test_an_interrupt_stops_the_stages_of_the_workers(experiments, site, address) -> None:  # noqa: ANN001
    (site.folder / "hang").write_text("dataset mnist")

    def interrupt(backend: DaskBackend) -> None:
        with backend:
            backend.submit(plan(experiments)[0], {}, 1, 0.0)
            wait_for(site.folder / "hanging")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt(DaskBackend(address, site(), site, lambda event: None))
    deadline = time.monotonic() + HANGS_SECONDS
    while not (site.folder / "cancelled").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_worker_of_another_version_is_refused(experiments, site, tmp_path) -> None:  # noqa: ANN001
    (site.folder / "recipe").write_text(" of yesterday")
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None}
    with (
        LocalCluster(**options, silence_logs=50, env={"OTHER_VERSION": "1"}) as cluster,
        pytest.raises(EnvironmentFailure, match="differs in its environment train") as caught,
    ):
        run(experiments, site, cluster.scheduler_address)
    assert "same checkout" in caught.value.remedy
    assert ran(site) == []


def test_no_scheduler_is_said_at_once(experiments, site) -> None:  # noqa: ANN001
    start = time.monotonic()
    with pytest.raises(EnvironmentFailure, match="No Dask scheduler answers at tcp://127"):
        run(experiments, site, "tcp://127.0.0.1:9")
    assert time.monotonic() - start < 3 * CONNECT_SECONDS
    with pytest.raises(EnvironmentFailure, match="No Dask scheduler answers at nonsense"):
        run(experiments, site, "nonsense://x")


@pytest.mark.parametrize("dry", [["--dry-run"], []], ids=["dry", "run"])
def test_a_scheduler_without_workers_is_said(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dry: list[str],
) -> None:
    monkeypatch.setattr("bench.cluster.backend.WORKER_SECONDS", 0.5)
    with LocalCluster(
        n_workers=0, processes=False, dashboard_address=None, silence_logs=50, protocol="tcp"
    ) as cluster:
        store = ["--store", str(tmp_path / "store"), "--runner", "venv"]
        command = ["run", str(GRID), "--scheduler", cluster.scheduler_address, *store, *dry]
        assert main(command) == Exit.ENVIRONMENT
    assert f"The Dask scheduler at {cluster.scheduler_address} has no workers." in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("between_two_submissions", [False, True])
def test_a_scheduler_that_dies_is_said_and_what_was_done_is_kept(
    experiments: Sequence[Point],
    site: TestSite,
    mortal: Mortal,
    monkeypatch: pytest.MonkeyPatch,
    between_two_submissions: bool,
) -> None:
    address, process = mortal
    (site.folder / "hang").write_text(f"train {experiments[0].training_name}")
    submit = DaskBackend.submit

    def slow(backend: DaskBackend, task: Task, *arguments: object) -> object:
        answer = submit(backend, task, *arguments)  # type: ignore[arg-type]
        what = f"{task.stage.name} {task.name}"
        if between_two_submissions and what == f"train {experiments[0].training_name}":
            process.wait()
        return answer

    def kill() -> None:
        try:
            wait_for(site.folder / "hanging")
        finally:
            process.kill()

    monkeypatch.setattr(DaskBackend, "submit", slow)
    killer = threading.Thread(target=kill)
    killer.start()
    summary = run(experiments, site, address)
    killer.join()
    (error,) = summary.errors
    assert "is gone" in error.what
    assert summary.exit_code == Exit.ENVIRONMENT
    done, failed = summary.count("done"), summary.count("failed")
    assert done >= 1
    assert failed >= 1
    assert summary.count("skipped") == TASKS + BITSTREAMS - done - failed
    assert len(list((site.folder / "store" / "dataset").glob("*/manifest.json"))) == 1


def test_a_scheduler_that_dies_before_it_hands_out_a_result(
    experiments: Sequence[Point],
    site: TestSite,
    mortal: Mortal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    address, process = mortal
    result = distributed.Future.result

    def late(future: distributed.Future, timeout: float | None = None) -> object:
        process.kill()
        process.wait()
        return result(future, timeout)

    monkeypatch.setattr(distributed.Future, "result", late)
    summary = run(experiments, site, address)
    assert ["is gone" in error.what for error in summary.errors] == [True]
    failed = summary.count("failed")
    assert failed >= 1
    assert summary.count("done") == 0
    assert summary.count("skipped") == TASKS + BITSTREAMS - failed
    # What its worker had begun by then, it began once; nothing is done again elsewhere.
    assert 1 <= len(ran(site)) == len(set(ran(site)))
