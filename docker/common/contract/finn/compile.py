"""The `compile` stage: from the exported QONNX model to the RTL of every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from contract.fields import Key, Misfit, Range
from contract.finn.cycles import refusal
from contract.stage import GIB, Cost, Scope, Stage

Clock = Annotated[float, Range(ge=1, le=1000), Key("Clock to build for, in MHz.")]


@dataclass(frozen=True, kw_only=True)
class CompileSpec:
    """One hardware build.

    Attributes:
        folding: (PE, SIMD) of every layer with weights, first layer first; None: FINN+ searches.
        target_fps: Images per second that the search aims at; None with a folding.
        options: (layer, attribute, value) of what else a folding file chooses.
        board: FINN's name of the board, such as "Pynq-Z1".
        part: The board's FPGA, as Vivado spells it.
    """

    folding: tuple[tuple[int, int], ...] | None
    target_fps: Annotated[float, Range(gt=0)] | None
    options: tuple[tuple[Any, ...], ...]
    board: str
    part: str
    clock_mhz: Clock
    oversized: Annotated[
        Literal["simulate", "stop"], Key("What becomes of a design that does not fit its part.")
    ] = "simulate"

    def __post_init__(self) -> None:
        """A folding, or a throughput that FINN+ finds one for; raises `Misfit`."""
        if (self.folding is None) == (self.target_fps is None):
            raise Misfit("folding", f"is {self.folding}, target_fps {self.target_fps}", "Give one.")


STAGE = Stage(
    name="compile",
    summary="QONNX to folded hardware and RTL",
    environment="finn",
    entry="finn_worker.compile_with_finn:compile_model",
    spec=CompileSpec,
    scope=Scope.DESIGN,
    table="build",
    needs=("export",),
    sources=("docker/finn/rtl",),
    cost=Cost(seconds=2, memory=GIB * 3 // 10, disk=2_300_000),
    refusal=refusal,
    files={"models": ("files/*.onnx",), "rtl": ("files/design.json", "files/rtl/*")},
)
