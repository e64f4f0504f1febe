"""The docker runner against a real engine: what a stage can reach, and every way it can end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from docker.client import DockerClient

from bench.console.events import Event, Note, Progress
from bench.environments import ENVIRONMENTS
from bench.errors import BenchError, EnvironmentFailure, StageFailure
from bench.images.cleanup import OWNER, dead_containers
from bench.images.recipe import RECIPES, Recipe
from bench.paths import ROOT, default_store
from bench.runners import Job
from bench.runners.docker import DockerRunner
from bench.runners.limits import Limits
from bench.runners.wire import Request, Result
from bench.system.bounded_log import PART
from bench.system.locks import Cancelled

PROBE = "tests/integration/docker_probe"
RECIPE = Recipe(
    name="probe",
    dockerfile=f"{PROBE}/Dockerfile",
    pinned=(),
    sources=("docker/common/contract", "docker/common/stagekit", f"{PROBE}/probe_worker"),
    environment=None,
)
ENVIRONMENT = replace(ENVIRONMENTS["train"], name="probe", gpu=False)
MEMORY = 128 << 20


class Bench:
    """A runner whose one environment is the probe, and folders for its jobs."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self.folder = folder
        self.events: list[Event] = []
        self.cancelled = threading.Event()
        self.runner = DockerRunner(default_store() / "cache" / "images", limits)
        self.runner.prepare("probe", self.events.append, self.cancelled)
        (folder / "input").mkdir()
        (folder / "input" / "file").write_text("read me\n")
        for name in ("outputs", "scratch", "cache"):
            (folder / name).mkdir()

    def job(self, stage: str) -> Job:
        request = Request(
            stage=stage,
            entry=f"probe_worker.stages:{stage}",
            key="0" * 64,
            spec={},
            inputs={"dataset": self.folder / "input"},
            outputs=self.folder / "outputs",
            scratch=self.folder / "scratch",
            cache=self.folder / "cache",
            result=self.folder / "result.json",
            cpus=1,
        )
        return Job("a-task", "probe", request, self.folder / "log.txt")

    def run(self, stage: str) -> Result:
        return self.runner.run(self.job(stage), self.events.append, self.cancelled)

    def metrics(self, stage: str) -> dict[str, object]:
        self.run(stage)
        found: dict[str, object] = json.loads((self.folder / "outputs/metrics.json").read_text())
        return found


@pytest.fixture
def make(
    tmp_path: Path, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Bench]]:
    """Makes a `Bench`; afterwards no container of ours may be left."""
    monkeypatch.setitem(RECIPES, "probe", RECIPE)
    monkeypatch.setitem(ENVIRONMENTS, "probe", ENVIRONMENT)
    yield lambda **limits: Bench(tmp_path, Limits(**limits))
    assert not _ours(client)


def _ours(client: DockerClient) -> list[object]:
    """Containers that this process has started and not removed."""
    mine = f" {os.getpid()} "
    found = client.api.containers(all=True, filters={"label": OWNER})
    return [container for container in found if mine in container["Labels"][OWNER]]


def _in_background(bench: Bench, stage: str) -> tuple[threading.Thread, list[BaseException]]:
    """Run a stage in a thread, up to the point where it says that it is asleep."""
    errors: list[BaseException] = []

    def work() -> None:
        try:
            bench.run(stage)
        except (BenchError, Cancelled) as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 30
    while Note("a-task", "asleep") not in bench.events:
        assert time.monotonic() < deadline, "the stage did not start"
        time.sleep(0.05)
    return thread, errors


def _container(client: DockerClient) -> str:
    (container,) = _ours(client)
    return str(container["Id"])  # type: ignore[index]


def test_a_stage_of_an_extension_is_found(
    make: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "extensions" / "own_probe"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "stage.py").write_text(
        "def hello(request, reporter):\n    request.write_metrics({'hello': 1})\n"
    )
    monkeypatch.setenv("BENCH_EXTENSIONS", str(tmp_path / "extensions"))
    bench = make()
    job = bench.job("look")
    request = replace(job.request, entry="own_probe.stage:hello")
    bench.runner.run(replace(job, request=request), bench.events.append, bench.cancelled)
    assert json.loads((bench.folder / "outputs/metrics.json").read_text()) == {"hello": 1}


def test_a_stage_reaches_nothing_but_its_own_folders(make) -> None:  # noqa: ANN001
    seen = make(memory_bytes=MEMORY, processes=50).metrics("look")
    assert seen["writable"] == ["/out", "/scratch", "/cache", "/tmp", "/dev/shm"]
    assert seen["seen"] == {"dataset": ["file"]}
    assert seen["interfaces"] == ["lo"]
    assert seen["reached"] is False
    assert seen["capabilities"] == seen["bounding"] == "0" * 16
    assert seen["no_new_privileges"] == "1"
    assert (seen["uid"], seen["gid"]) == (os.getuid(), os.getgid())
    assert "init" in str(seen["first_process"])


def test_limits_are_the_kernels(make) -> None:  # noqa: ANN001
    limits = make(memory_bytes=MEMORY, processes=50).metrics("look")["limits"]
    assert str(MEMORY) in limits.values()
    assert "50" in limits.values()
    assert {"100000", "100000 100000"} & set(limits.values())


def test_no_variable_of_the_caller_but_the_blas_settings(make, monkeypatch) -> None:  # noqa: ANN001
    monkeypatch.setenv("SECRET", "of the caller")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    variables = make().metrics("look")["variables"]
    assert "SECRET" not in variables
    assert variables["OPENBLAS_CORETYPE"] == "Haswell"
    assert variables["OMP_NUM_THREADS"] == "1"
    assert variables["PYTHONHASHSEED"] == "0"


def test_events_and_log_come_apart(make) -> None:  # noqa: ANN001
    bench = make()
    result = bench.run("look")
    assert result.status == "done"
    assert Progress("a-task", "look", 1, 2, "look", "") in bench.events
    assert Note("a-task", "halfway") in bench.events
    assert bench.job("look").log.read_text() == "this goes to the log\n"


def test_no_event_is_lost_among_much_output_and_its_log_keeps_both_ends(make) -> None:  # noqa: ANN001
    bench = make()
    bench.run("flood")
    steps = [event.done for event in bench.events if isinstance(event, Progress)]
    assert steps[-2000:] == list(range(1, 2001))
    log = bench.job("flood").log.read_bytes()
    left_out = re.search(rb"\n\[\.\.\. ([0-9,]+) bytes left out: .*\]\n", log)
    assert left_out is not None
    printed = len(log) - len(left_out[0]) + int(left_out[1].replace(b",", b""))
    assert printed == 2000 * 5001
    assert left_out.start() == PART


def test_files_belong_to_the_caller(make) -> None:  # noqa: ANN001
    bench = make()
    bench.run("write")
    paths = list(bench.folder.rglob("*"))
    assert bench.folder / "outputs/folder/file" in paths
    assert bench.folder / "cache/entry" in paths
    owners = {(path.stat().st_uid, path.stat().st_gid) for path in paths}
    assert owners == {(os.getuid(), os.getgid())}


def test_the_memory_limit_is_told_from_a_crash(make) -> None:  # noqa: ANN001
    with pytest.raises(StageFailure, match=r"memory limit of 0\.125 GiB") as caught:
        make(memory_bytes=MEMORY).run("hog")
    assert "memory_gib" in caught.value.remedy


def test_the_memory_limit_in_a_child_too(make) -> None:  # noqa: ANN001
    with pytest.raises(StageFailure, match="memory limit"):
        make(memory_bytes=MEMORY).run("hog_in_child")


def test_processes_are_limited(make) -> None:  # noqa: ANN001
    children = make(processes=20).metrics("fork")["children"]
    assert 10 <= int(str(children)) < 20


def test_a_crash_names_its_signal_and_the_log(make) -> None:  # noqa: ANN001
    with pytest.raises(StageFailure, match="was killed by SIGSEGV") as caught:
        make().run("crash")
    assert caught.value.log is not None


def test_an_exit_without_result_keeps_the_last_words(make) -> None:  # noqa: ANN001
    with pytest.raises(StageFailure, match="ended with exit status 3") as caught:
        make().run("leave")
    assert caught.value.log.read_text() == "the last words\n"


def test_a_stage_that_takes_too_long_is_stopped(make) -> None:  # noqa: ANN001
    start = time.monotonic()
    with pytest.raises(StageFailure, match=r"longer than 0\.05 minutes"):
        make(seconds=3.0).run("sleep")
    assert time.monotonic() - start < 20


def test_an_interrupt_removes_the_container(make, client) -> None:  # noqa: ANN001
    bench = make()
    thread, errors = _in_background(bench, "sleep")
    bench.cancelled.set()
    thread.join(20)
    assert isinstance(errors[0], Cancelled)


def test_killed_from_outside(make, client) -> None:  # noqa: ANN001
    bench = make()
    thread, errors = _in_background(bench, "sleep")
    client.api.kill(_container(client))
    thread.join(20)
    assert "was killed from outside" in str(errors[0])


def test_removed_from_outside(make, client) -> None:  # noqa: ANN001
    bench = make()
    thread, errors = _in_background(bench, "sleep")
    client.api.remove_container(_container(client), force=True)
    thread.join(20)
    assert "was killed from outside" in str(errors[0])


def test_an_image_removed_under_a_run(make, client) -> None:  # noqa: ANN001
    bench = make()
    client.images.remove(bench.runner.describe("probe")["image"], force=True)
    with pytest.raises(EnvironmentFailure, match="image was removed") as caught:
        bench.run("look")
    assert "Rerun" in caught.value.remedy
    bench.runner.prepare("probe", bench.events.append, bench.cancelled)
    assert bench.run("look").status == "done"


def test_a_folder_that_the_container_may_not_write(make, monkeypatch) -> None:  # noqa: ANN001
    # As on a file system that takes the container's user for somebody else.
    monkeypatch.setattr("bench.runners.docker._user", lambda client: "4242:4242")
    with pytest.raises(EnvironmentFailure, match=r"may not write to .*/cache") as caught:
        make().run("write")
    assert "--store" in caught.value.remedy


def test_leftovers_of_killed_runs_go_and_live_ones_stay(make, client, tmp_path) -> None:  # noqa: ANN001
    bench = make()
    script = f"""
import sys, threading
sys.path.insert(0, {str(ROOT)!r}); sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import test_docker_runner as t
t.RECIPES["probe"] = t.RECIPE
t.ENVIRONMENTS["probe"] = t.ENVIRONMENT
folder = Path({str(tmp_path)!r}) / "other"
folder.mkdir()
bench = t.Bench(folder, t.Limits())
bench.events = type("Said", (list,), {{"append": lambda self, event: print(event, flush=True)}})()
bench.run("sleep")
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert any("asleep" in line for line in child.stdout)
    live = [left.id for left in dead_containers(client)]
    child.send_signal(signal.SIGKILL)
    child.wait()
    dead = [left.id for left in dead_containers(client)]
    (left,) = set(dead) - set(live)
    _assert_stops_by_itself(client, left)
    again = DockerRunner(default_store() / "cache" / "images")
    again.prepare("probe", bench.events.append, bench.cancelled)
    assert left not in [container["Id"] for container in client.api.containers(all=True)]
    assert any("left by a run that was killed" in getattr(e, "text", "") for e in bench.events)


def _assert_stops_by_itself(client: DockerClient, container: str) -> None:
    """The worker ends with the orchestrator: nobody is left to use its result."""
    deadline = time.monotonic() + 60
    while client.api.inspect_container(container)["State"]["Running"]:
        assert time.monotonic() < deadline, "the worker outlived its orchestrator"
        time.sleep(0.1)


def test_the_peak_memory_is_known(make) -> None:  # noqa: ANN001
    assert make().run("look").peak_memory_bytes > 1 << 20
