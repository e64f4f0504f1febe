"""The pinned environments, as data, and the recipes that identify them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from bench.paths import ROOT


@dataclass(frozen=True)
class Environment:
    """One pinned environment.

    Attributes:
        name: `train` or `finn`, as stages name it.
        worker: The worker's package, run with `python -m`.
        worker_folders: Where Python finds the worker and what it imports from this project.
        locks: Hash-pinned requirement files, installed in this order without dependencies.
        cuda_lock: What a CUDA build of torch needs besides; installed only where pip chose one.
        compiler: Whether its stages compile C++.
        disk_bytes: What it takes on disk, roughly, measured.
    """

    name: str
    worker: str
    worker_folders: tuple[Path, ...]
    locks: tuple[Path, ...]
    cuda_lock: Path
    compiler: bool
    disk_bytes: int

    def recipe(self) -> str:
        """SHA-256 over the locks."""
        digest = hashlib.sha256()
        for lock in (*self.locks, self.cuda_lock):
            digest.update(lock.read_bytes())
        return digest.hexdigest()


_DOCKER = ROOT / "docker"

ENVIRONMENTS = {
    "train": Environment(
        name="train",
        worker="train_worker",
        worker_folders=(_DOCKER / "common", _DOCKER / "train"),
        locks=(_DOCKER / "train" / "requirements.lock",),
        cuda_lock=_DOCKER / "common" / "cuda.lock",
        compiler=False,
        disk_bytes=1_000_000_000,
    ),
    "finn": Environment(
        name="finn",
        worker="finn_worker",
        worker_folders=(_DOCKER / "common", _DOCKER / "finn"),
        locks=(_DOCKER / "finn" / "requirements.lock", _DOCKER / "finn" / "finn-plus.lock"),
        cuda_lock=_DOCKER / "common" / "cuda.lock",
        compiler=True,
        disk_bytes=2_000_000_000,
    ),
}
