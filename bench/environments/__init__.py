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
        worker: The worker's package, run with `python -m`.
        worker_folders: Where Python finds the worker and what it imports from this project.
        locks: Hash-pinned requirement files, installed in this order without dependencies.
        either_of: Locks of which the first that the package index can serve is installed: the
            builds of torch, the preferred one first. See docs/decisions/0004-torch-builds.md.
        compiler: Whether its stages compile C++.
        disk_bytes: What it takes on disk at most while it is installed, rounded up.
    """

    name: str
    worker: str
    worker_folders: tuple[Path, ...]
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


def torch_builds(gpu: bool) -> tuple[Path, ...]:
    """The locks of torch's builds, the one to prefer first."""
    builds = (_DOCKER / "train" / "torch-cpu.lock", _DOCKER / "train" / "torch-cuda.lock")
    return builds[::-1] if gpu else builds


ENVIRONMENTS = {
    "train": Environment(
        name="train",
        worker="train_worker",
        worker_folders=(_DOCKER / "common", _DOCKER / "train"),
        locks=(_DOCKER / "train" / "requirements.lock",),
        either_of=torch_builds(has_gpu()),
        compiler=False,
        disk_bytes=2_000_000_000,
    ),
    "finn": Environment(
        name="finn",
        worker="finn_worker",
        worker_folders=(_DOCKER / "common", _DOCKER / "finn"),
        locks=(_DOCKER / "finn" / "requirements.lock", _DOCKER / "finn" / "finn-plus.lock"),
        either_of=(),
        compiler=True,
        disk_bytes=1_000_000_000,
    ),
}
