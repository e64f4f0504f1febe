"""The `compile` stage: from the exported QONNX model to the RTL of every layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from contract.fields import Key, Misfit, Range
from contract.finn import work
from contract.finn.cores import Core
from contract.finn.cycles import refusal
from contract.finn.goal import WRITTEN, NoGoalError, goal_of
from contract.stage import GIB, Cost, Scope, Stage

Clock = Annotated[float, Range(ge=1, le=1000), Key("Clock to build for, in MHz.")]


@dataclass(frozen=True, kw_only=True)
class CompileSpec:
    """One hardware build.

    Attributes:
        folding: (PE, SIMD) of every layer with weights but depthwise ones, in the order of the
            network's declaration.
        target_fps: Images per second that FINN+'s search for a folding aims at.
        goal: What the exact search looks for; see `contract.finn.goal`.
        share: The largest share of any resource of the part that its design may take.
        cores: What its MVAUs may multiply in.
        options: See `contract.finn.folding.Setting`: PE and SIMD of layers by name, and what else a
            folding file chooses.
        board: FINN's name of the board, such as "Pynq-Z1".
        part: The board's FPGA, as Vivado spells it.
    """

    folding: tuple[tuple[int, int], ...] | None
    target_fps: Annotated[float, Range(gt=0)] | None
    goal: str | None = None
    share: Annotated[float, Range(gt=0, le=1)] | None = None
    cores: tuple[Core, ...] | None = None
    options: tuple[tuple[Any, ...], ...]
    board: str
    part: str
    clock_mhz: Clock
    oversized: Annotated[
        Literal["simulate", "stop"], Key("What becomes of a design that does not fit its part.")
    ] = "simulate"

    def __post_init__(self) -> None:
        """A folding, or what a search finds one for; raises `Misfit`."""
        wrong = [option for option in self.options if not _is_setting(option)]
        if wrong:
            what = f"holds {list(wrong[0])}"
            raise Misfit("options", what, "Give (layer, attribute, value) in each place.")
        by_name = any(str(layer).startswith("MVAU_") for layer, *_ in self.options)
        asked = {"folding": self.folding, "target_fps": self.target_fps, "goal": self.goal}
        given = [value is not None for value in asked.values()]
        if sum(given) > 1 or not (any(given) or by_name):
            said = ", ".join(f"{name} {value}" for name, value in asked.items())
            raise Misfit("folding", f"is one of three: {said}", "Give one.")
        self._check_goal()

    def _check_goal(self) -> None:
        if self.goal is None:
            return
        try:
            known = goal_of(self.goal)
        except NoGoalError as error:
            raise Misfit("goal", f"is wrong: {error}", WRITTEN) from None
        if known is None:
            raise Misfit("goal", f"is '{self.goal}'", WRITTEN)
        if self.share is None or not self.cores:
            raise Misfit("goal", "comes without share or cores", "Give both.")


def _is_setting(option: tuple[Any, ...]) -> bool:
    return len(option) == 3 and type(option[0]) in {int, str} and isinstance(option[1], str)


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
    # TFC 2 s, CNV 11 s.
    cost=Cost(seconds=0.5, per_unit=0.15, memory=GIB * 3 // 10, disk=100_000),
    amount=work.generated,
    memory=work.memory,
    disk=work.disk,
    refusal=refusal,
    files={"models": ("files/*.onnx",), "rtl": ("files/design.json", "files/rtl/*")},
)
