"""Time the package on this machine: `make benchmark`, or `python -m benchmarks --help`.

Writes benchmarks.json and benchmarks.md after each figure. Both sides of every ratio are timed in
the same run. If a part fails, the others continue and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench.environments import ENVIRONMENTS
from bench.errors import EnvironmentFailure
from bench.grids.experiment import expand
from bench.grids.grid import load_grid
from bench.paths import ROOT, environments_folder
from bench.pipeline import Resolver, execute, look_up, plan
from bench.pipeline.assemble import assemble
from bench.runners.venv import VenvRunner
from bench.store import Entry
from benchmarks import large_grids, runners
from benchmarks.figures import Figure
from benchmarks.record import PartError, Record

GRID = ROOT / "experiments" / "benchmark.toml"
REPEATS = 3
TRAIN_IMAGES = 12_000
SCRIPTS = ROOT / "benchmarks" / "workers"
NEEDS_GRID = ("builds",)
ALONE = ("builds", "training", "overhead", "plans", "runners", "dask")
# By mode of build_speed.py: slower builds that ours is compared with.
SLOWER_BUILDS = {
    "exact": "FINN's own modules",
    "naive": "FINN's own modules, plain Verilator",
}


@dataclass
class Benchmark:
    """A run of every benchmark."""

    store: Path
    exact: bool
    record: Record

    def run(self, only: str | None = None) -> None:
        """All parts in the order of their dependencies, or one of `ALONE`."""
        (self.store / "tmp").mkdir(parents=True, exist_ok=True)
        if only in (None, *NEEDS_GRID):
            with self.record.part("grid"):
                self._on_the_grid(only)
        for name in ALONE:
            if name not in NEEDS_GRID and only in (None, name):
                with self.record.part(name):
                    getattr(self, f"_{name}")()

    def _on_the_grid(self, only: str | None) -> None:
        """The parts that need the artifacts of a grid."""
        entries = self._pipeline()
        parts = {
            "stages": self._stages, "builds": self._builds, "simulators": self._simulators,
        }  # fmt: skip
        for name, part in parts.items():
            if only in (None, name):
                with self.record.part(name):
                    part(entries)

    def add(self, figure: Figure) -> None:
        """Keep and show a figure."""
        self.record.add(figure)

    def _pipeline(self) -> dict[str, Entry]:
        command = [sys.executable, "-m", "bench", "run", str(GRID), "--runner", "venv"]
        cold = _timed(lambda: _call([*command, "--store", str(self.store)]))
        self.add(Figure("grid of 2 precisions x 2 foldings, cold", "s", [cold]))
        warm = [
            _timed(lambda: _call([*command, "--store", str(self.store)])) for _ in range(REPEATS)
        ]
        self.add(Figure("the same, warm", "s", warm, 10))
        resolver = self._resolver(self.store)
        tasks = plan(expand(load_grid(GRID)))
        present = look_up(tasks, resolver).present
        # Without Vivado nothing is synthesized.
        return {f"{t.stage.name} {t.name}": present[t.id] for t in tasks if t.id in present}

    def _stages(self, entries: dict[str, Entry]) -> None:
        manifests = [entry.manifest for entry in entries.values()]
        goals = {"compile": 8.0}
        for stage in ("train", "export", "compile", "size", "simulate", "measure"):
            own = [manifest for manifest in manifests if manifest.stage == stage]
            seconds = [manifest.seconds for manifest in own]
            self.add(Figure(f"stage {stage}, two at a time", "s", seconds, goals.get(stage)))
            peak = [manifest.peak_memory_bytes / 2**30 for manifest in own]
            if any(peak):
                self.add(Figure(f"peak memory, {stage}", "GiB", peak, 4))
        sizing = [m.timings["FIFO sizing"] for m in manifests if m.stage == "size"]
        self.add(Figure("search for FIFO depths", "s", sizing, 5))

    def _builds(self, entries: dict[str, Entry]) -> None:
        processes = str(_cpus())
        for folding in ("max", "low"):
            bundle = str(entries[f"compile tfc-mnist-w2a2-s1-{folding}"].files)
            arguments = [bundle, str(self.store / "tmp"), processes]
            seconds = self._in("finn", "build_speed.py", *arguments, str(REPEATS))
            goal = 20 if folding == "max" else None
            self.add(Figure(f"simulator build, {folding}, cold", "s", seconds, goal))
            if self.exact and folding == "max":
                for way, what in SLOWER_BUILDS.items():
                    slower = self._in("finn", "build_speed.py", *arguments, "1", way)
                    self.add(Figure(f"the same of {what}", "s", slower))
                    ratio = slower[0] / median(seconds)
                    self.add(Figure(f"build: {what} / ours", "x", [ratio]))

    def _simulators(self, entries: dict[str, Entry]) -> None:
        for folding, images, goal in (("max", 10_000, 0.5), ("low", 500, 2.0)):
            files = entries[f"simulate tfc-mnist-w2a2-s1-{folding}"].files
            inputs = self.store / "tmp" / "images.raw"
            _write_images(entries["export tfc-mnist-w2a2-s1"], inputs)
            command = [str(files / "package" / "simulator"), "--input", str(inputs)]
            command += ["--output", str(self.store / "tmp" / "out"), "--images", str(images)]
            seconds, speeds = [], []
            for _ in range(REPEATS):
                start = time.perf_counter()
                cycles = json.loads(_call(command))["cycles"]
                seconds.append(time.perf_counter() - start)
                speeds.append(cycles / seconds[-1] / 1e6)
            self.add(Figure(f"simulation speed, {folding}", "M cycles/s", speeds, goal, False))
            wanted = 5 if folding == "max" else None
            self.add(Figure(f"{images} images through {folding}", "s", seconds, wanted))

    def _training(self) -> None:
        data = [task for task in plan(expand(load_grid(GRID))) if task.stage.name == "dataset"]
        summary = execute(data, self._resolver(self.store), 1, 1, lambda _: None)
        for error in summary.errors:
            raise error
        entry = summary.outcomes[data[0].id].entry
        assert entry is not None
        arguments = [str(entry.files), str(TRAIN_IMAGES)]
        naive = self._in("train", "train_speed.py", *arguments, "2", "naive", "4")
        self.add(Figure("epoch, image by image, DataLoader with 4 workers", "s", naive))
        alone = self._in("train", "train_speed.py", *arguments, str(REPEATS), "ours")
        self.add(Figure("epoch, one network alone", "s", alone))
        processes = [
            self._start("train", "train_speed.py", *arguments, str(REPEATS), "ours")
            for _ in range(_cpus())
        ]
        together = [value for process in processes for value in _result(process)]
        each = [value / len(processes) for value in together]
        self.add(Figure("epoch per network, one on each processor", "s", each))
        slow = median(naive)
        self.add(Figure("alone, against image by image", "x", [slow / median(alone)], 3, False))
        self.add(Figure("in a grid, against image by image", "x", [slow / median(each)], 10, False))

    def _overhead(self) -> None:
        """What a stage costs that does nothing: key, locks, folders, manifest, durable writes."""
        with tempfile.TemporaryDirectory(dir=self.store / "tmp") as folder:
            resolver = self._resolver(Path(folder))
            for runner in resolver.runners.values():
                runner.run = _do_nothing  # type: ignore[method-assign]
            tasks = plan(expand(load_grid(GRID)))
            seconds = _timed(lambda: execute(tasks, resolver, 1, 1, lambda _: None))
            self.add(Figure("orchestrator, per stage", "s", [seconds / len(tasks)]))
        python = self._python("finn")
        start = [
            _timed(lambda: _call([python, "-c", "import stagekit"], "finn")) for _ in range(REPEATS)
        ]
        self.add(Figure("start of a worker", "s", start))

    def _plans(self) -> None:
        with tempfile.TemporaryDirectory(dir=self.store / "tmp") as folder:
            for figure in large_grids.figures(
                Path(folder), lambda command: _timed(lambda: _call(command)), _do_nothing
            ):
                self.add(figure)

    def _runners(self) -> None:
        for name, goal in runners.GOALS.items():
            try:
                seconds = runners.overhead(name, self.store, REPEATS)
            except EnvironmentFailure as error:
                print(f"{name} runner: not measured. {error.what}", flush=True)
                continue
            self.add(Figure(f"{name} runner, per stage", "s", seconds, goal))

    def _dask(self) -> None:
        from benchmarks import cluster  # noqa: PLC0415  # Dask takes half a second to import

        try:
            for figure in cluster.figures(self.store):
                self.add(figure)
        except EnvironmentFailure as error:
            print(f"Dask: not measured further. {error.what}", flush=True)

    def _resolver(self, store: Path) -> Resolver:
        return assemble(store, VenvRunner(environments_folder(self.store)))

    def _python(self, environment: str) -> str:
        folder = environments_folder(self.store)
        recipe = VenvRunner(folder).recipe(environment)[:12]
        return str(folder / f"{environment}--{recipe}" / "bin" / "python")

    def _start(self, environment: str, script: str, *arguments: str) -> subprocess.Popen[str]:
        command = [self._python(environment), str(SCRIPTS / script), *arguments]
        return _start(command, environment)

    def _in(self, environment: str, script: str, *arguments: str) -> list[float]:
        return _result(self._start(environment, script, *arguments))


def _do_nothing(job: Any, emit: Any, cancelled: Any) -> Any:  # noqa: ARG001
    from bench.runners.wire import Result  # noqa: PLC0415

    (job.request.outputs / "metrics.json").write_text(json.dumps({"of": job.request.key}))
    return Result("done", "", "", "", {}, {}, 0)


def _write_images(export: Entry, target: Path) -> None:
    import numpy as np  # noqa: PLC0415

    with np.load(export.files / "test_set.npz") as data:
        data["images"].tofile(target)


def _start(command: Sequence[str], environment: str = "") -> subprocess.Popen[str]:
    variables = dict(os.environ)
    if environment:
        folders = ENVIRONMENTS[environment].worker_folders
        variables |= {"PYTHONPATH": os.pathsep.join(map(str, folders)), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables, cwd=ROOT
    )


def _call(command: Sequence[str], environment: str = "") -> str:
    return _output(_start(command, environment))


def _output(process: subprocess.Popen[str]) -> str:
    printed, errors = process.communicate()
    if process.returncode:
        command = shlex.join(process.args)  # type: ignore[arg-type]
        raise PartError(f"{command} ended with {process.returncode}.", printed + errors)
    return printed


def _result(process: subprocess.Popen[str]) -> list[float]:
    values: list[float] = json.loads(_output(process))
    return values


def _timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _cpus() -> int:
    return len(os.sched_getaffinity(0))


def _machine() -> dict[str, Any]:
    info = Path("/proc/cpuinfo")
    models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": models[0].split(":")[1].strip() if models else platform.processor(),
        "processors": _cpus(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_at_start": os.getloadavg()[0],
    }


def main() -> int:
    """See the module; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT, help="folder for the two files")
    parser.add_argument("--store", type=Path, help="an empty folder; default: a temporary one")
    parser.add_argument("--exact", action="store_true", help="build FINN's own modules, too")
    parser.add_argument("--only", choices=ALONE, help="one part, and what it depends on")
    options = parser.parse_args()
    machine = _machine()
    default = ROOT / "artifacts"
    os.environ.setdefault("BENCH_ENVIRONMENTS", str(environments_folder(default)))
    with tempfile.TemporaryDirectory() as folder:
        record = Record(options.output, machine)
        store = (options.store or Path(folder)).absolute()
        Benchmark(store, options.exact, record).run(options.only)
    print(f"written: {options.output / 'benchmarks.json'}, {options.output / 'benchmarks.md'}")
    if record.failures:
        names = ", ".join(failure.part for failure in record.failures)
        print(f"failed: {names}; the other figures are valid", file=sys.stderr)
    return int(bool(record.failures))


if __name__ == "__main__":
    raise SystemExit(main())
