"""What a task is likely to take, so that the longest work starts first and memory suffices.

The figures are rough on purpose: they order work and keep memory in bounds, and change no result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from bench.catalog import DATASETS, NETWORKS
from bench.errors import ConfigError
from bench.experiment import bits_text
from bench.pipeline.plan import Task
from bench.tables import EMULATED

GIB = 1024**3
# Of what is free when the run starts: the rest is for the file cache and everybody else.
SHARE_OF_FREE_MEMORY = 0.8
# How many smaller tasks may start before one that is waiting for memory.
MAY_PASS = 8
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


def cost(task: Task) -> Cost:
    """What `task` is likely to take, by the task alone: without the cycles of a simulation."""
    return default_cost(_work(task, {task.stage.name: task.spec}))


def default_cost(work: Work) -> Cost:
    """What `work` takes on the machine that the figures come from."""
    found = _COSTS.get(work.stage, _UNKNOWN)
    seconds = found.seconds + work.amount * _SECONDS_PER_UNIT.get(work.stage, 0.0)
    return Cost(seconds, found.memory, found.disk)


def works(tasks: Sequence[Task]) -> dict[str, Work]:
    """The work of every task of a plan, by task id."""
    by_id = {task.id: task for task in tasks}
    return {task.id: _work(task, _ancestry(task, by_id)) for task in tasks}


def _ancestry(task: Task, by_id: Mapping[str, Task]) -> Specs:
    """The specs of every stage that `task` stands on, its own included."""
    specs = {task.stage.name: task.spec}
    for need in task.needs.values():
        specs |= _ancestry(by_id[need], by_id)
    return specs


def _work(task: Task, specs: Specs) -> Work:
    spec, stage = task.spec, task.stage.name
    train = specs.get("train")
    amount, variant = 0.0, ""
    if stage == "train":
        amount = float(spec["epochs"] * (spec["train_images"] or TRAIN_IMAGES))
        variant = f"batches of {spec['batch_size']}"
    elif stage == "simulate":
        amount = spec["images"] * _cycles_per_image(specs)
        variant = f"exact={spec['exact']} waveforms={spec['trace_images']}"
    elif stage == "measure":
        emulated = tuple(spec["boards"]) == (EMULATED,)
        amount = float(spec["images"]) * _cycles_per_image(specs) if emulated else 0.0
        variant = EMULATED if emulated else "board"
    return Work(
        stage=stage,
        network=f"{train['network']} {train['image_size']}" if train else "",
        bits=f"w{_bits(train['weight_bits'])}a{_bits(train['act_bits'])}" if train else "",
        folding=_folding(specs["compile"]) if "compile" in specs else "",
        variant=variant,
        amount=amount,
    )


def _bits(bits: Any) -> str:
    return bits_text(tuple(bits) if isinstance(bits, list) else bits)


def _folding(build: Mapping[str, Any]) -> str:
    if build["folding"] is None:
        return f"{build['target_fps']} fps"
    return " ".join(f"{pe}x{simd}" for pe, simd in build["folding"])


def _cycles_per_image(specs: Specs) -> float:
    """Cycles that the folding takes for an image; those asked for where FINN is to find it."""
    if "compile" not in specs or "train" not in specs:
        return 0.0
    build, train = specs["compile"], specs["train"]
    if build["folding"] is None:
        return HERTZ_PER_MHZ * float(build["clock_mhz"]) / float(build["target_fps"])
    classes = DATASETS[specs["dataset"]["name"]].classes
    layers = NETWORKS[train["network"]].layers(train["image_size"], classes)
    return float(
        max(
            (layer.inputs / simd) * (layer.outputs / pe)
            for layer, (pe, simd) in zip(layers, build["folding"], strict=True)
        )
    )


def ranks(tasks: Sequence[Task]) -> dict[str, float]:
    """Seconds from the start of each task to the end of the longest chain that it begins.

    Args:
        tasks: A plan, each task after those that it needs.
    """
    found: dict[str, float] = {}
    after: dict[str, float] = {}
    work = works(tasks)
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
    largest = max(tasks, key=lambda task: cost(task).memory, default=None)
    if largest is not None and cost(largest).memory > budget:
        raise ConfigError(
            f"The memory budget is {budget / GIB:.2f} GiB, but stage '{largest.stage.name}' alone "
            f"takes up to {cost(largest).memory / GIB:.2f} GiB.",
            "Free some memory, or give a larger --memory.",
        )
