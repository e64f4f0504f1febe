"""Each worker's own tests, run where the worker runs: in its environment."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from real_runs import Bench

from bench.environments import ENVIRONMENTS, INSTALLED
from bench.paths import ROOT, environments_folder
from bench.runners.venv import VenvRunner

AT_ONCE = 2
ALONE, TOGETHER = 12, 5


@pytest.mark.parametrize("name", [environment.name for environment in INSTALLED])
def test_the_workers_own_tests_pass(
    name: str, undisturbed: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Modules differ too much to be shared out: whoever of two is free takes what is next."""
    folder = environments_folder(ROOT / "artifacts")
    recipe = VenvRunner(folder).recipe(name)
    python = folder / f"{name}--{recipe[:12]}" / "bin" / "python"
    tests = ROOT / "docker" / name / "tests"
    folders = [str(path) for path in (*ENVIRONMENTS[name].worker_folders, tests)]

    seconds: dict[str, float] = {}

    def run(modules: Sequence[Path]) -> subprocess.CompletedProcess[str]:
        begin = time.monotonic()
        done = subprocess.run(
            [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, modules)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
            capture_output=True,
            text=True,
            check=False,
        )
        seconds["+".join(module.stem for module in modules)] = time.monotonic() - begin
        return done

    largest_first = sorted(tests.glob("test_*.py"), key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        done = list(threads.map(run, _shared_out(largest_first)))
    with capsys.disabled():
        slowest = sorted(seconds, key=lambda modules: -seconds[modules])[:10]
        print(f"\nslowest of {name}:", *(f"{each} {seconds[each]:.0f} s" for each in slowest))
    failed = [each for each in done if each.returncode]
    print(*(each.stdout for each in done), sep="\n")
    assert not failed, "\n".join(each.stdout[-20000:] + each.stderr[-2000:] for each in failed)


def _shared_out(modules: Sequence[Path]) -> list[Sequence[Path]]:
    """The largest alone; the others together, as each process imports FINN or torch anew."""
    small = range(ALONE, len(modules), TOGETHER)
    return [*([each] for each in modules[:ALONE]), *(modules[i : i + TOGETHER] for i in small)]
