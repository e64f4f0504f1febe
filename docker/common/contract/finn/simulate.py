"""The `simulate` stage: the RTL, cycle for cycle, in Verilator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

from contract.fields import Key, Misfit, Range
from contract.finn import work
from contract.layers import weights
from contract.stage import GIB, Cost, Scope, Specs, Stage
from contract.text import counted

# Two at least: from one image to the next is an interval.
Images = Annotated[int, Range(ge=2)]
# Stream-cycles in the part that is timed, which one processor simulates; two share the others.
TIMED_WORK = 250_000_000
# Of FINN's own modules; most of it is the arithmetic in DSP slices.
EXACT = 15
# The model is executed on each image as well: seconds for each multiplication.
REFERENCE = 2.8e-10


class _Traced(Protocol):
    @property
    def images(self) -> int: ...
    @property
    def trace_images(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class SimulateSpec:
    """What to simulate."""

    images: Annotated[Images, Key("Test images, the first ones.", counts="test")] = 1000
    exact: Annotated[bool, Key("FINN's own modules throughout, in place of the stand-ins.")] = False
    trace_images: Annotated[int, Range(ge=0), Key("Images that leave waveforms (VCD).")] = 0

    def check(self: _Traced) -> None:
        """Only what is simulated leaves waveforms; raises `Misfit`."""
        if self.trace_images > self.images:
            simulated = counted(self.images, "image is", "images are")
            what = f"= {self.trace_images:,}, and {simulated} simulated"
            raise Misfit("trace_images", what, f"Give 0 to {self.images:,}, or more images.")


def _cycles(spec: Mapping[str, Any], specs: Specs) -> float:
    cycles = work.of_images(spec["images"], specs)
    shared = max(min(cycles, TIMED_WORK), cycles / 2)
    reference: float = spec["images"] * work.products(specs) * REFERENCE / work.SECONDS
    return shared * (EXACT if spec["exact"] else 1) + reference


def _variant(spec: Mapping[str, Any]) -> str:
    return f"exact={spec['exact']} waveforms={spec['trace_images']}"


def _disk(spec: Mapping[str, Any], specs: Specs) -> float:
    """Weights and simulators in the package, and what the images give."""
    images: int = spec["images"]
    return 0.5 * weights(specs) + 7_000 * work.streams(specs) + 100 * images


STAGE = Stage(
    name="simulate",
    summary="run the RTL cycle for cycle in Verilator",
    environment="finn",
    entry="finn_worker.simulate:simulate",
    spec=SimulateSpec,
    scope=Scope.DESIGN,
    needs=("compile", "size", "export"),
    sources=("docker/finn/rtl",),
    # From 0.5 s for 64,000 cycles of TFC to 3.7 s for 16 million; 7 s for 100 images of CNV.
    cost=Cost(seconds=0.5, per_unit=work.SECONDS, memory=GIB // 2, disk=1_500_000),
    amount=_cycles,
    variant=_variant,
    disk=_disk,
    files={
        "golden": ("files/*.npz",),
        "simulators": ("files/package/*",),
        "waveforms": ("files/*.vcd",),
    },
)
