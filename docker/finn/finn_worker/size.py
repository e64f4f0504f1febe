"""The size stage: the smallest FIFOs that keep the interval, proven with FINN's own FIFO."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from contract.finn.size import SizeSpec
from finn_worker import given_depths
from finn_worker.accelerator import DMA_BYTES_PER_CYCLE, Accelerator, Workshop, fifo_table
from finn_worker.fifo_sizing import Sizing, size_fifos, timing_frames
from finn_worker.rtl import standins
from finn_worker.rtl.top import BLOCK_DEPTH, MIN_DEPTH, max_depth
from finn_worker.simulator import Simulator, StalledError
from stagekit import Reporter, Request, StageError

# Timing does not depend on what an image shows; a few differ for good measure.
IMAGES = 100
# Cycles of a simulation that is not worth optimising.
BRIEF = 1_000_000


@dataclass(frozen=True)
class KnownSizing:
    """What the size stage left.

    Attributes:
        depths: One per stream.
        ii: Cycles per image with them.
        ii_unsized: With every FIFO at its smallest; None for a deadlock.
    """

    depths: tuple[int, ...]
    ii: float
    ii_unsized: float | None

    @classmethod
    def load(cls, folder: Path, design: Mapping[str, Any]) -> KnownSizing:
        """Read the folder of a size stage; raises `StageError` if it is of another design."""
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        streams = [fifo["stream"] for fifo in metrics["fifos"]]
        if streams != [stream["name"] for stream in design["streams"]]:
            raise StageError(
                "The FIFOs were sized for another design.",
                "Size and simulate the same compilation.",
            )
        depths = tuple(int(fifo["depth"]) for fifo in metrics["fifos"])
        return cls(depths, metrics["ii_sized"], metrics["ii_unsized"])


def size(request: Request, reporter: Reporter) -> None:
    """Run the stage.

    Leaves metrics.json: depth and bits of each FIFO, the interval with and without them, and with
    them behind a DMA.

    Raises:
        Infeasible: With the depths that the folding gives it stalls.
        StageError: No compiler; a deadlock however deep the FIFOs, with the stream; FINN's FIFOs
            of these depths give another interval.
    """
    request.parse(SizeSpec)
    accelerator = Accelerator.load(request.inputs["compile"])
    with np.load(request.inputs["export"] / "test_set.npz") as data:
        images = data["images"][:IMAGES]
    workshop = Workshop(accelerator, request, reporter)
    exact = not standins.all_proven(accelerator.bundle, accelerator.design)
    if exact:
        reporter.note("Sized with FINN's own modules: a stand-in is not proven for this design.")
    simulator = workshop.simulator("build", exact=exact)
    with reporter.timed("FIFO sizing"):
        found = _search(simulator, images, accelerator, reporter, request.cpus)
        sizing = _with_given(found, simulator, images, accelerator, reporter)
    frames = timing_frames(images, accelerator.ii_estimated)[: sizing.frames]
    brief = 2 * len(frames) * accelerator.ii_estimated < BRIEF
    timing = "build with FINN's FIFOs"
    real = workshop.simulator(timing, sizing.depths, exact=exact, brief=brief)
    with reporter.timed("verify"), ThreadPoolExecutor(request.cpus) as pool:
        compared = [
            pool.submit(_verify, real, simulator, sizing, frames, dma)
            for dma in (0, DMA_BYTES_PER_CYCLE)
        ]
        for one in compared:
            one.result()
    fifos = fifo_table(accelerator.design, sizing.depths)
    request.write_metrics(
        {
            "fifos": fifos,
            "total_depth": sum(fifo["depth"] for fifo in fifos),
            "total_bits": sum(fifo["bits"] for fifo in fifos),
            "deeper_than_least": sum(fifo["depth"] > MIN_DEPTH for fifo in fifos),
            "ii_estimated": accelerator.ii_estimated,
            "ii_sized": sizing.ii,
            "ii_without_given_depths": found.ii,
            "ii_unsized": sizing.ii_unsized,
            "unsized_deadlock": sizing.stalled_at,
            "ii_with_dma": sizing.ii_with_dma,
            "dma_bytes_per_cycle": DMA_BYTES_PER_CYCLE,
            "dma_cycles": accelerator.dma_cycles,
            "images": sizing.frames,
            "verified": "FINN's fifo.sv at these depths: the same outputs, interval and cycles",
        }
    )
    _note_ultra_ram(fifos, accelerator, reporter)
    bound = max(sizing.ii, accelerator.dma_cycles)
    if sizing.ii_with_dma > bound:
        reporter.note(
            f"Behind its DMAs it takes {sizing.ii_with_dma:g} cycles per image; the slowest of the "
            f"accelerator and the two DMAs alone takes {bound:g}."
        )


def _note_ultra_ram(
    fifos: Sequence[Mapping[str, Any]], accelerator: Accelerator, reporter: Reporter
) -> None:
    deep = [fifo for fifo in fifos if fifo["depth"] > BLOCK_DEPTH]
    if not deep:
        return
    most = max(deep, key=lambda fifo: int(fifo["depth"]))
    text = (
        f"FIFOs of more than {BLOCK_DEPTH:,} words: {len(deep)}, the deepest {most['stream']} with "
        f"{most['depth']:,}. FINN+ makes them of UltraRAM"
    )
    if not accelerator.estimated["available"]["uram"]:
        text += f"; {accelerator.estimated['part']} has none, so that Vivado will take block RAM"
    reporter.note(f"{text}.")


def _search(
    simulator: Simulator,
    images: Any,
    accelerator: Accelerator,
    reporter: Reporter,
    processes: int,
) -> Sizing:
    streams = accelerator.design["streams"]
    tried: list[str] = []

    def progress(text: str) -> None:
        reporter.progress(len(tried), len(streams) + 3, "FIFO", text)
        tried.append(text)

    limits = [max_depth(stream) for stream in streams]
    expected = accelerator.ii_estimated
    width = DMA_BYTES_PER_CYCLE
    return size_fifos(simulator, images, limits, expected, width, progress, processes)


def _with_given(
    found: Sizing,
    simulator: Simulator,
    images: Any,
    accelerator: Accelerator,
    reporter: Reporter,
) -> Sizing:
    """With the depths that the folding gives, where it does."""
    given = accelerator.estimated.get(given_depths.METRIC)
    if not given:
        return found
    frames = timing_frames(images, accelerator.ii_estimated)[: found.frames]
    limits = [max_depth(stream) for stream in accelerator.design["streams"]]
    bench = given_depths.Bench(simulator, frames, limits, DMA_BYTES_PER_CYCLE)
    kept = given_depths.keep(found, given, bench)
    reporter.note(given_depths.said(given, found, kept))
    return kept


def _verify(real: Simulator, simulator: Simulator, sizing: Sizing, frames: Any, dma: int) -> None:
    """Simulate with FINN's FIFOs: the outputs and every cycle count must be the same.

    And with results, which the search leaves out: the interval must be what it found.
    """
    outputs, run = simulator.run(frames, sizing.depths, dma_bytes_per_cycle=dma)
    found = sizing.ii_with_dma if dma else sizing.ii
    remedy = "Report it with the network and the folding; the sized design is not to be trusted."
    if run.ii is None or run.ii > found:
        raise StageError(
            f"An image takes {run.ii} cycles with results, and {found} in the search without.",
            remedy,
        )
    try:
        real_outputs, real_run = real.run(frames, sizing.depths, dma_bytes_per_cycle=dma)
    except StalledError as stall:
        raise StageError(f"With FINN's own FIFOs: {stall}", remedy) from stall
    # FINN's FIFO counts what it holds in another way, so peaks are not compared.
    same = (run.cycles, run.latency_cycles, run.ii) == (
        (real_run.cycles, real_run.latency_cycles, real_run.ii)
    )
    if not same or not np.array_equal(outputs, real_outputs):
        raise StageError(
            f"FINN's own FIFOs give {real_run.ii} cycles per image, {real_run.cycles} in all; the "
            f"adjustable ones {run.ii} and {run.cycles}"
            + ("." if np.array_equal(outputs, real_outputs) else ", and other outputs."),
            remedy,
        )
