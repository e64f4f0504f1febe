"""Each worker's own tests, run where the worker runs: in its environment."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from real_runs import Bench

from bench.environments import ENVIRONMENTS, INSTALLED
from bench.paths import ROOT, environments_folder
from bench.runners.venv import VenvRunner

SHARES = 2


@pytest.mark.parametrize("name", [environment.name for environment in INSTALLED])
def test_the_workers_own_tests_pass(name: str, undisturbed: Bench) -> None:
    """They run as two processes, since the environments have nothing that would share them out."""
    folder = environments_folder(ROOT / "artifacts")
    recipe = VenvRunner(folder).recipe(name)
    python = folder / f"{name}--{recipe[:12]}" / "bin" / "python"
    tests = ROOT / "docker" / name / "tests"
    folders = [str(path) for path in (*ENVIRONMENTS[name].worker_folders, tests)]
    modules = sorted(
        tests.glob("test_*.py"),
        key=lambda path: (-path.stat().st_size, path.name),
    )

    def run(share: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *modules[share::SHARES]],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(folders)},
            capture_output=True,
            text=True,
            check=False,
        )

    with ThreadPoolExecutor(SHARES) as threads:
        for done in threads.map(run, range(SHARES)):
            print(done.stdout)
            assert done.returncode == 0, done.stdout[-20000:] + done.stderr[-2000:]
