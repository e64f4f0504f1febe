"""The pinned environments, as data, and the recipes that identify them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from bench.paths import ROOT
from bench.system.gpu import has_gpu


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A pinned environment.

    Attributes:
        tools: Distributions whose versions belong into manifests.
        worker_folders: Where Python finds the worker and what it imports from this project.
        sources: Files and folders of this project in its image.
        locks: Hash-pinned requirement files, installed in this order without dependencies.
        either_of: Locks of which the first that the package index can serve is installed: the
            builds of torch, the preferred one first. See docs/decisions/0004-torch-builds.md.
        compiler: Whether its stages compile C++.
        gpu: Whether its stages use a GPU if there is one.
        disk_bytes: The most that it takes on disk while it is installed, without its base.
        base: The environment whose installation it shares, if any.
        needs_vivado: Whether its stages run the user's own Vivado.
        limits: Prefix of its settings in a grid's `[limits]` table.
    """

    name: str
    tools: tuple[str, ...]
    worker_folders: tuple[Path, ...]
    sources: tuple[str, ...]
    locks: tuple[Path, ...]
    disk_bytes: int
    either_of: tuple[Path, ...] = ()
    compiler: bool = False
    gpu: bool = False
    base: str | None = None
    needs_vivado: bool = False
    limits: str = ""

    @property
    def installation(self) -> str:
        """Name of its installation, as a folder and as an image."""
        return self.base or self.name

    def recipe(self) -> str:
        """SHA-256 over the locks; a machine with a GPU prefers another build of torch."""
        digest = hashlib.sha256()
        for lock in (*self.locks, *self.either_of):
            digest.update(lock.read_bytes())
        return digest.hexdigest()


_DOCKER = ROOT / "docker"
_COMMON = ("docker/common/contract", "docker/common/stagekit")


def torch_builds(gpu: bool) -> tuple[Path, ...]:
    """The locks of torch's builds, the preferred build first."""
    builds = (_DOCKER / "train" / "torch-cpu.lock", _DOCKER / "train" / "torch-cuda.lock")
    return builds[::-1] if gpu else builds


_TRAIN = Environment(
    name="train",
    tools=("torch", "brevitas", "qonnx", "onnx", "onnxruntime", "numpy", "pillow"),
    worker_folders=(_DOCKER / "common", _DOCKER / "train"),
    sources=(*_COMMON, "docker/train/train_worker"),
    locks=(_DOCKER / "train" / "requirements.lock",),
    either_of=torch_builds(has_gpu()),
    gpu=True,
    disk_bytes=2_000_000_000,
)
_FINN = Environment(
    name="finn",
    tools=("finn-plus", "qonnx", "onnx", "onnxruntime", "numpy", "verilator"),
    worker_folders=(_DOCKER / "common", _DOCKER / "finn"),
    sources=(*_COMMON, "docker/finn/finn_worker", "docker/finn/rtl"),
    locks=(_DOCKER / "finn" / "requirements.lock", _DOCKER / "finn" / "finn-plus.lock"),
    compiler=True,
    disk_bytes=1_000_000_000,
)
_VIVADO = replace(
    _FINN, name="vivado", base=_FINN.name, disk_bytes=0, needs_vivado=True, limits="vivado_"
)

ENVIRONMENTS = {environment.name: environment for environment in (_TRAIN, _FINN, _VIVADO)}
INSTALLED = tuple(each for each in ENVIRONMENTS.values() if each.base is None)
"""The environments with an installation of their own."""
