"""The `measure` stage: push, run and time on a board over SSH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from contract.fields import Key
from contract.finn import work
from contract.finn.simulate import Images
from contract.stage import GIB, Cost, Scope, Specs, Stage

EMULATED = "emulated-board"
"""The board that is emulated on this machine, as experiment files name it."""


@dataclass(frozen=True, kw_only=True)
class MeasureSpec:
    """Which boards may measure, by name, and over how many images."""

    boards: tuple[str, ...]
    images: Annotated[Images, Key("Test images, the first ones.", counts="test")] = 1000


def _is_emulated(spec: Mapping[str, Any]) -> bool:
    return tuple(spec["boards"]) == (EMULATED,)


def _cycles(spec: Mapping[str, Any], specs: Specs) -> float:
    return work.of_images(spec["images"], specs) if _is_emulated(spec) else 0.0


def _variant(spec: Mapping[str, Any]) -> str:
    return EMULATED if _is_emulated(spec) else "board"


STAGE = Stage(
    name="measure",
    summary="push, run and time on a board over SSH",
    environment="host",
    entry="bench.boards.measure:measure",
    spec=MeasureSpec,
    scope=Scope.DESIGN,
    needs=("simulate", "export"),
    needs_bitstream=("synthesize",),
    sources=("bench/boards", "docker/board"),
    cost=Cost(seconds=1, per_unit=work.SECONDS, memory=GIB * 3 // 10, disk=10_000),
    amount=_cycles,
    variant=_variant,
)
