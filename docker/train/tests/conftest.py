"""A small data set that any network can learn, and a way to run the worker on it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

TRAIN_FOLDER = Path(__file__).resolve().parents[1]
COMMON_FOLDER = TRAIN_FOLDER.parent / "common"
sys.path[:0] = [str(Path(__file__).parent), str(COMMON_FOLDER), str(TRAIN_FOLDER)]
sys.path.append(str(TRAIN_FOLDER.parents[1]))  # the networks' declarations, which a worker is given

from bench.networks.tfc import NETWORK  # noqa: E402  (found through the path above)
from contract.arrays import load_npz, save_npz  # noqa: E402
from contract.stages import draft as draft_stage  # noqa: E402
from contract.stages import export as export_stage  # noqa: E402
from contract.stages import train as train_stage  # noqa: E402
from contract.stages.dataset import PIXELS  # noqa: E402
from stagekit import Reporter, Request, Stage  # noqa: E402

STAGES = (draft_stage.STAGE, train_stage.STAGE, export_stage.STAGE)
ENTRIES = {one.name: one.entry for one in STAGES}
IMAGE_SIZE = 8
CLASSES = 4
TRAIN_SPEC: dict[str, Any] = {
    "network": "TFC",
    "architecture": NETWORK.architecture.to_json(),
    "weight_bits": 2,
    "act_bits": 2,
    "seed": 1,
    "epochs": 3,
    "batch_size": 50,
    "learning_rate": 0.01,
    "milestones": [2],
    "gamma": 0.1,
    "dropout": 0.2,
    "image_size": IMAGE_SIZE,
    "train_images": 0,
    "code": None,
}


@dataclass(frozen=True)
class Outcome:
    """How a run of the worker ended."""

    outputs: Path
    result: dict[str, Any]
    events: list[dict[str, Any]]
    log: str

    @property
    def metrics(self) -> dict[str, Any]:
        """The stage's `metrics.json`."""
        return dict(json.loads((self.outputs / "metrics.json").read_text()))

    def hashes(self) -> dict[str, str]:
        """SHA-256 of every output by its relative path."""
        return {
            str(path.relative_to(self.outputs)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.outputs.rglob("*"))
            if path.is_file()
        }


def make_request(
    folder: Path, stage: str, spec: dict[str, Any], inputs: dict[str, Path]
) -> Request:
    """A request whose files lie below the new folder `folder`, written there too."""
    for name in ("outputs", "scratch", "cache"):
        (folder / name).mkdir(parents=True)
    request = Request(
        stage=stage,
        entry=ENTRIES[stage],
        tools=("torch", "brevitas"),
        spec=spec,
        inputs=inputs,
        outputs=folder / "outputs",
        scratch=folder / "scratch",
        cache=folder / "cache",
        cpus=1,
        result=folder / "result.json",
    )
    request.write(folder / "request.json")
    return request


def run_worker(
    folder: Path, stage: str, spec: dict[str, Any], inputs: dict[str, Path], threads: int = 1
) -> Outcome:
    """Run a stage in a process of its own, as the orchestrator does.

    `threads` is what the environment asks of the numeric libraries.
    """
    request = make_request(folder, stage, spec, inputs)
    python_path = os.pathsep.join((str(COMMON_FOLDER), str(TRAIN_FOLDER)))
    process = subprocess.run(
        [sys.executable, "-m", "stagekit", str(folder / "request.json")],
        env=os.environ | {"PYTHONPATH": python_path, "OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return Outcome(
        request.outputs,
        json.loads(request.result.read_text()),
        [json.loads(line) for line in process.stdout.splitlines()],
        process.stderr,
    )


def run_here(stage: Stage, request: Request) -> None:
    """Run a stage in this process, which spares the seconds that the imports take."""
    stage(request, Reporter(io.StringIO()))


def write_dataset(
    folder: Path, train_images: int = 500, test_images: int = 150, channels: int = 1
) -> Path:
    """Images of 12x12 pixels, bright in the quadrant that their class names, with noise."""
    folder.mkdir(parents=True)
    generator = np.random.default_rng(7)
    for name, count in (("train", train_images), ("test", test_images)):
        labels = generator.integers(0, CLASSES, count, dtype=np.uint8)
        images = generator.integers(0, 120, (count, channels, 12, 12), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 2)
            image[:, row * 6 : row * 6 + 6, column * 6 : column * 6 + 6] += 100
        save_npz(folder / f"{name}.npz", images=images, labels=labels)
    findings = {"classes": CLASSES, "channels": channels, "height": 12, "width": 12}
    findings |= {"train_images": train_images, "test_images": test_images}
    findings["quantization"] = PIXELS.to_json()
    (folder / "metrics.json").write_text(json.dumps(findings))
    return folder


def change_split(folder: Path, name: str, **changed: npt.NDArray[np.generic]) -> None:
    """Write a half of a data set again, with other `images` or `labels`."""
    path = folder / f"{name}.npz"
    arrays = dict(zip(("images", "labels"), load_npz(path, ("images", "labels")), strict=True))
    save_npz(path, **(arrays | changed))


def pytest_configure(config: pytest.Config) -> None:
    """Show a GPU to the module about GPUs alone, and only where it runs alone.

    A process that has seen one cannot be forked after autograd, as networks of the user's are.
    """
    modules = {Path(argument.partition("::")[0]).name for argument in config.args}
    if modules != {"test_gpu.py"}:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in the form in which the dataset stage leaves it; not to be changed."""
    return write_dataset(tmp_path_factory.mktemp("data") / "dataset")


@pytest.fixture(scope="session")
def trained(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A small network trained on `dataset`."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    return run_worker(folder, "train", TRAIN_SPEC, {"dataset": dataset})


@pytest.fixture(scope="session")
def exported(dataset: Path, trained: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """`trained`, exported."""
    folder = tmp_path_factory.mktemp("exported") / "run"
    inputs = {"dataset": dataset, "train": trained.outputs}
    return run_worker(folder, "export", {"golden_images": 100}, inputs)
