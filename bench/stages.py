"""The one declaration of the stages; everything that lists stages reads it here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One step from data set to measurement.

    Attributes:
        name: Its name, also of its spec in `bench.grids.experiment.Experiment`.
        environment: Where it runs: `host`, `train`, `finn`, or `vivado` (finn with the user's).
        needs: The stages whose artifacts it reads.
        sources: Files and folders of the checkout that decide its result (part of its key).
        version: Raised when its meaning changes in a way its sources do not show.
        per_folding: Whether it differs between the foldings of one training.
        summary: What it does, for people.
        bitstream_needs: What it reads besides when a real board measures.
    """

    name: str
    environment: str
    needs: tuple[str, ...]
    sources: tuple[str, ...]
    version: int
    per_folding: bool
    summary: str
    bitstream_needs: tuple[str, ...] = ()


COMMON_SOURCES = ("docker/common/contract", "docker/common/stagekit")
TRAIN_SOURCES = (*COMMON_SOURCES, "docker/train/train_worker")
FINN_SOURCES = (*COMMON_SOURCES, "docker/finn/finn_worker", "docker/finn/rtl")

STAGES = (
    Stage("dataset", "host", (), ("bench/datasets",), 1, False, "fetch and check the images"),
    Stage("train", "train", ("dataset",), TRAIN_SOURCES, 1, False, "train with Brevitas"),
    Stage(
        "export", "train", ("train", "dataset"), TRAIN_SOURCES, 1, False, "export to QONNX, check"
    ),
    Stage(
        "compile", "finn", ("export",), FINN_SOURCES, 1, True, "QONNX to folded hardware and RTL"
    ),
    Stage(
        "size",
        "finn",
        ("compile", "export"),
        FINN_SOURCES,
        1,
        True,
        "find the smallest FIFOs that keep the interval",
    ),
    Stage(
        "simulate",
        "finn",
        ("compile", "size", "export"),
        FINN_SOURCES,
        1,
        True,
        "run the RTL cycle for cycle in Verilator",
    ),
    Stage(
        "synthesize",
        "vivado",
        ("compile", "simulate"),
        FINN_SOURCES,
        1,
        True,
        "build a bitstream with your own Vivado",
    ),
    Stage(
        "measure",
        "host",
        ("simulate", "export"),
        ("bench/boards", "docker/board"),
        1,
        True,
        "push, run and time on a board over SSH",
        ("synthesize",),
    ),
)

BY_NAME = {stage.name: stage for stage in STAGES}


def up_to(name: str) -> tuple[Stage, ...]:
    """Stage `name` and everything it needs, in order."""
    wanted = {name}
    for stage in reversed(STAGES):
        if stage.name in wanted:
            wanted.update(stage.needs, stage.bitstream_needs)
    return tuple(stage for stage in STAGES if stage.name in wanted)
