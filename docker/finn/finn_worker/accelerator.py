"""A compiled accelerator, and the simulators that are built of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finn_worker import simulator_build
from finn_worker.compiler import find_compiler
from finn_worker.rtl.top import fifo_width
from finn_worker.simulator import Simulator
from stagekit import Reporter, Request

# Width of the DMAs that feed the accelerator and empty it: the 64-bit ports between the fabric and
# the memory controller of a Zynq-7000. The emulated board reads it in the package.
DMA_BYTES_PER_CYCLE = 8


@dataclass(frozen=True)
class Accelerator:
    """What the compile stage left.

    Attributes:
        bundle: Its folder.
        design: How the parts go together.
        estimated: Its metrics.
    """

    bundle: Path
    design: Mapping[str, Any]
    estimated: Mapping[str, Any]

    @classmethod
    def load(cls, bundle: Path) -> Accelerator:
        """Read the folder of a compile stage."""
        design, estimated = (
            json.loads((bundle / name).read_text(encoding="utf-8"))
            for name in ("design.json", "metrics.json")
        )
        return cls(bundle, design, estimated)

    @property
    def ii_estimated(self) -> int:
        """Cycles per image, as FINN+ estimates them."""
        return int(self.estimated["ii_estimated"])

    @property
    def dma_cycles(self) -> int:
        """Cycles that the slower of the two DMAs needs for an image."""
        ports = (self.design[name] for name in ("input", "output"))
        sizes = (int(port["beats"]) * int(port["bytes_per_beat"]) for port in ports)
        return math.ceil(max(sizes) / DMA_BYTES_PER_CYCLE)


@dataclass(frozen=True)
class Workshop:
    """Where a stage builds simulators of an accelerator."""

    accelerator: Accelerator
    request: Request
    reporter: Reporter

    def simulator(
        self,
        timing: str,
        depths: Sequence[int] | None = None,
        *,
        exact: bool = False,
        trace: bool = False,
        brief: bool = False,
    ) -> Simulator:
        """A simulator; the arguments are those of `simulator_build.gather`.

        Args:
            timing: What the seconds of the build count as.
            depths: For FINN's own FIFOs.
            exact: FINN's own modules throughout.
            trace: Able to write waveforms.
            brief: For less than a million cycles.
        """
        bundle, request = self.accelerator.bundle, self.request
        self.reporter.progress(0, 1, "simulator", f"{timing} with {find_compiler().version}")
        with self.reporter.timed(timing):
            executable = simulator_build.build(
                simulator_build.gather(bundle, depths, exact=exact, trace=trace, brief=brief),
                request.cache,
                request.scratch,
                request.cpus,
                self.reporter.note,
            )
        self.reporter.progress(1, 1, "simulator", "built")
        return Simulator(
            executable,
            self.accelerator.design,
            bundle / "rtl",
            request.scratch,
            # A layer may be silent for as long as it computes; nothing is silent for so long.
            stall_limit=max(100_000, 20 * self.accelerator.ii_estimated),
        )


def fifo_table(design: Mapping[str, Any], depths: Sequence[int]) -> list[dict[str, Any]]:
    """Stream, its ends, width_bits (whole bytes), depth and bits (width times depth) of each FIFO.

    Its producer and consumer are names of layers, "input" or "output".
    """
    return [
        {
            "stream": stream["name"],
            "producer": stream["producer"],
            "consumer": stream["consumer"],
            "width_bits": fifo_width(stream),
            "depth": depth,
            "bits": depth * fifo_width(stream),
        }
        for stream, depth in zip(design["streams"], depths, strict=True)
    ]
