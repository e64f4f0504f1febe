"""What a task is likely to take, so that the longest work starts first and memory suffices.

The figures are rough on purpose: they order work and keep memory in bounds, and change no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psutil

from bench.errors import ConfigError
from bench.grids.catalog import DATASETS, NETWORKS
from bench.grids.experiment import bits_text
from bench.grids.foldings import layer_cycles
from bench.grids.tables import EMULATED
from bench.pipeline.plan import Task

GIB = 1024**3
# Of what is free when the run starts: the rest is for the file cache and everybody else.
SHARE_OF_FREE_MEMORY = 0.8
TRAIN_IMAGES = 60_000
TRAIN_SECONDS_PER_IMAGE = 1.5e-5
SIMULATED_CYCLES_PER_SECOND = 5e6
HERTZ_PER_MHZ = 1e6

Specs = dict[str, Mapping[str, Any]]
"""Specs by stage."""


@dataclass(frozen=True)
class Cost:
    """What a task of a stage takes: seconds, bytes of memory at its peak, and bytes on disk."""

    seconds: float
    memory: int
    disk: int


@dataclass(frozen=True)
class Work:
    """What decides how long a task takes, as far as a plan tells.

    Attributes:
        stage: The stage's name.
        network: Network, data set and image size.
        bits: Of weights and activations.
        folding: The folding's (PE, SIMD) pairs or the throughput asked for, as text.
        variant: What else the stage may do: exact simulation, waveforms, a real board.
        amount: Images trained on, or cycles simulated; 0 for the other stages.
    """

    stage: str
    network: str = ""
    bits: str = ""
    folding: str = ""
    variant: str = ""
    amount: float = 0.0


# Seconds: TFC on two quiet processors, from docs/benchmarks.md: 0.7 to 0.9 s an epoch of 60,000
# images; `size` without the library that only the first one compiles; `simulate` from 0.5 s for
# 64,000 cycles to 3.7 s for 16 million. Disk: what TFC on 32x32 images leaves in the store.
_COSTS = {
    "dataset": Cost(5, GIB // 4, 55_000_000),
    "train": Cost(4, GIB * 6 // 10, 400_000),
    "export": Cost(5, GIB * 6 // 10, 11_000_000),
    "compile": Cost(2, GIB * 3 // 10, 2_300_000),
    "size": Cost(5, GIB // 2, 10_000),
    "simulate": Cost(0.5, GIB // 2, 2_200_000),
    "measure": Cost(1, GIB * 3 // 10, 10_000),
    "synthesize": Cost(1800, 6 * GIB, 30_000_000),
}
_UNKNOWN = Cost(10, GIB, 1_000_000)
_SECONDS_PER_UNIT = {
    "train": TRAIN_SECONDS_PER_IMAGE,
    "simulate": 1 / SIMULATED_CYCLES_PER_SECOND,
    "measure": 1 / SIMULATED_CYCLES_PER_SECOND,
}
# What setting up an environment takes where it is not there yet, downloads included.
SETUP_SECONDS = {"train": 60.0, "finn": 60.0}


def memory_of(task: Task) -> int:
    """Bytes that `task` is likely to take at its peak."""
    return _COSTS.get(task.stage.name, _UNKNOWN).memory


def default_cost(work: Work) -> Cost:
    """What `work` takes on the machine that the figures come from."""
    found = _COSTS.get(work.stage, _UNKNOWN)
    seconds = found.seconds + work.amount * _SECONDS_PER_UNIT.get(work.stage, 0.0)
    return Cost(seconds, found.memory, found.disk)


def works(tasks: Sequence[Task]) -> dict[str, Work]:
    """The work of every task of a plan, by task id; each task after those that it needs."""
    origins: dict[str, _Origin] = {}
    found: dict[str, Work] = {}
    for task in tasks:
        # The stages are a chain: what one of the needs stands on, holds what the others do.
        before = max((origins[need] for need in task.needs.values()), key=len, default=_Origin())
        origins[task.id] = before.then(task)
        found[task.id] = _work(task, origins[task.id])
    return found


class _Origin:
    """What a task stands on, itself included: the specs that decide how long it takes.

    The many tasks behind one compilation share it.
    """

    DECIDING = ("dataset", "train", "compile")

    def __init__(self, specs: Specs | None = None) -> None:
        self._specs = specs or {}

    def __len__(self) -> int:
        return len(self._specs)

    def then(self, task: Task) -> _Origin:
        """What `task` stands on, if this is what its needs do."""
        name = task.stage.name
        return _Origin({**self._specs, name: task.spec}) if name in self.DECIDING else self

    @cached_property
    def network(self) -> str:
        """Network and image size."""
        train = self._specs.get("train")
        return f"{train['network']} {train['image_size']}" if train else ""

    @cached_property
    def bits(self) -> str:
        """Of weights and activations."""
        train = self._specs.get("train")
        return f"w{_bits(train['weight_bits'])}a{_bits(train['act_bits'])}" if train else ""

    @cached_property
    def folding(self) -> str:
        """(PE, SIMD) of each layer, or the throughput asked for."""
        build = self._specs.get("compile")
        if build is None:
            return ""
        if build["folding"] is None:
            return f"{build['target_fps']} fps"
        return " ".join(f"{pe}x{simd}" for pe, simd in build["folding"])

    @cached_property
    def cycles_per_image(self) -> float:
        """Of the slowest layer; those asked for where FINN is to find the folding."""
        if "compile" not in self._specs or "train" not in self._specs:
            return 0.0
        build, train = self._specs["compile"], self._specs["train"]
        if build["folding"] is None:
            return HERTZ_PER_MHZ * float(build["clock_mhz"]) / float(build["target_fps"])
        classes = DATASETS[self._specs["dataset"]["name"]].classes
        layers = NETWORKS[train["network"]].layers(train["image_size"], classes)
        return float(max(layer_cycles(layers, build["folding"])))


def _work(task: Task, origin: _Origin) -> Work:
    spec, stage = task.spec, task.stage.name
    amount, variant = 0.0, ""
    if stage == "train":
        amount = float(spec["epochs"] * (spec["train_images"] or TRAIN_IMAGES))
        variant = f"batches of {spec['batch_size']}"
    elif stage == "simulate":
        amount = spec["images"] * origin.cycles_per_image
        variant = f"exact={spec['exact']} waveforms={spec['trace_images']}"
    elif stage == "measure":
        emulated = tuple(spec["boards"]) == (EMULATED,)
        amount = float(spec["images"]) * origin.cycles_per_image if emulated else 0.0
        variant = EMULATED if emulated else "board"
    return Work(stage, origin.network, origin.bits, origin.folding, variant, amount)


def _bits(bits: Any) -> str:
    return bits_text(tuple(bits) if isinstance(bits, list) else bits)


def ranks(tasks: Sequence[Task], work: Mapping[str, Work]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain that it begins.

    Args:
        tasks: A plan, each task after those that it needs.
        work: What `works` says of them.
    """
    found: dict[str, float] = {}
    after: dict[str, float] = {}
    for task in reversed(tasks):
        found[task.id] = default_cost(work[task.id]).seconds + after.get(task.id, 0.0)
        for need in task.needs.values():
            after[need] = max(after.get(need, 0.0), found[task.id])
    return found


def free_memory() -> int:
    """Bytes that a run may plan with on this machine."""
    return int(psutil.virtual_memory().available * SHARE_OF_FREE_MEMORY)


def require_memory(tasks: Iterable[Task], budget: int) -> None:
    """Refuse a budget that is smaller than a single task.

    Raises:
        ConfigError: With the stage, and what it takes.
    """
    largest = max(tasks, key=memory_of, default=None)
    if largest is not None and memory_of(largest) > budget:
        raise ConfigError(
            f"The memory budget is {budget / GIB:.2f} GiB, but stage '{largest.stage.name}' alone "
            f"takes up to {memory_of(largest) / GIB:.2f} GiB.",
            "Free some memory, or give a larger --memory.",
        )
