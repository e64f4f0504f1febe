"""What the unit tests share: small grids, and a runner that does the stages' work in no time."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from temporary import use

from bench.commands import common
from bench.errors import StageFailure
from bench.events import Emit, Event
from bench.experiment import Experiment, expand
from bench.grid import load_grid
from bench.paths import ROOT
from bench.pipeline import Resolver
from bench.runners import Job
from bench.store import Store
from bench.wire import Result

if TYPE_CHECKING:
    from built_archive import Built

    from bench.report.figures import Figure, Rendered

# Thousands of small files: in memory they cost a third of the time, and nobody else's disk waits.
MEMORY = "/dev/shm"
if os.access(MEMORY, os.W_OK) and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
    use(MEMORY)

ENVIRONMENTS = ("host", "train", "finn", "vivado")
GRID = """
name = "test"
[train]
network = "TFC"
dataset = "MNIST"
bits = [[2, 2], [4, 4]]
seeds = [1]
epochs = 2
milestones = [1]
[build]
foldings = ["low", "max"]
board = "Pynq-Z1"
clock_mhz = 100.0
"""


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Durability cannot be seen by a test that does not cut the power, and costs seconds."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(autouse=True)
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes seconds; tests/integration draws."""

    def render(figure: Figure, names: object) -> Rendered | None:
        from bench.report.figures import Rendered

        return Rendered("<svg></svg>", "<svg></svg>", b"") if figure.draw else None

    monkeypatch.setattr("bench.report.html.write.render", render)


@pytest.fixture
def grid_file(tmp_path: Path) -> Path:
    """A valid grid of two trainings by two foldings, with the project's folding tables."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    (folder / "foldings.toml").write_text((ROOT / "experiments" / "foldings.toml").read_text())
    path = folder / "test.toml"
    path.write_text(GRID)
    return path


@pytest.fixture
def experiments(grid_file: Path) -> tuple[Experiment, ...]:
    return expand(load_grid(grid_file))


class FakeRunner:
    """Writes a file that depends on the spec and the inputs, as a real stage does.

    Attributes:
        ran: `stage name` of every job, in the order they ran.
        lacking: Why stages of an environment are skipped, by environment.
        before: Called with each job before it is done; may raise.
    """

    name = "fake"

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.before: Callable[[Job], None] = lambda job: None
        self.recipe_text = "recipe"
        self.lacking = {"vivado": "XILINX_VIVADO is not set: no bitstream"}
        self._lock = threading.Lock()

    def recipe(self, environment: str) -> str:
        return f"{self.recipe_text} {environment}"

    def describe(self, environment: str) -> dict[str, str]:
        return {"packages": f"tool==1 for {environment}"}

    def lacks(self, environment: str) -> str:
        return self.lacking.get(environment, "")

    def ready(self, environment: str) -> bool:
        return True

    def check(self, environment: str) -> None:
        pass

    def prepare(self, environment: str, emit: Emit, cancelled: threading.Event) -> None:
        pass

    def run(self, job: Job, emit: Emit, cancelled: threading.Event) -> Result:
        with self._lock:
            self.ran.append(f"{job.request.stage} {job.task}")
        job.log.write_text(f"working on {job.task}\n")
        self.before(job)
        seen = {
            name: sorted(path.read_text() for path in folder.iterdir())
            for name, folder in job.request.inputs.items()
        }
        metrics = {"spec": job.request.spec, "inputs": seen}
        (job.request.outputs / "metrics.json").write_text(json.dumps(metrics, sort_keys=True))
        return Result("done", "", "", {"tool": "1"}, {"work": 0.1}, 1)

    def fail_on(self, stage: str, task: str) -> None:
        """Make the stage of one task fail from now on."""

        def before(job: Job) -> None:
            if job.request.stage == stage and job.task == task:
                raise StageFailure("It broke.", "Mend it.", job.log)

        self.before = before


@pytest.fixture
def runner() -> FakeRunner:
    return FakeRunner()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def resolver(store: Store, runner: FakeRunner) -> Resolver:
    return Resolver(store, dict.fromkeys(ENVIRONMENTS, runner))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A store with a small grid's results, and its archive."""
    from built_archive import Built  # pandas, which few tests need

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        return Built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def on_built(tmp_path: Path, built: Built, monkeypatch: pytest.MonkeyPatch) -> Built:
    """A copy of the built store that may be damaged."""
    from built_archive import Built

    root = tmp_path / "store"
    shutil.copytree(built.resolver.store.root, root, symlinks=True)
    resolver = Resolver(Store(root), built.resolver.runners)
    monkeypatch.setattr(common, "open_resolver", lambda path, choice, grid=None: resolver)
    copy = object.__new__(Built)
    vars(copy).update(vars(built) | {"resolver": resolver})
    return copy


@pytest.fixture
def seen() -> list[Event]:
    """Events that a test collects."""
    return []
