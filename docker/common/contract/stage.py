"""What a stage is: one declaration, which the host and the workers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

GIB = 1024**3

Specs = Mapping[str, Mapping[str, Any]]
"""By stage, the parameters of everything that an artifact rests on, as JSON values."""


class Scope(Enum):
    """What the artifacts of a stage differ by."""

    DATASET = "data set"
    NETWORK = "network"
    """Of certain bit widths, for images of a data set; whatever it is trained to."""
    TRAINING = "training"
    DESIGN = "design"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Time and space that a stage needs on two idle processors.

    Attributes:
        seconds: Fixed, whatever the amount of work.
        per_unit: Seconds for each unit of `Stage.amount`.
        memory: Bytes at the peak, whatever is worked on.
        disk: Bytes left in the store, whatever is worked on.
    """

    seconds: float
    memory: int
    disk: int
    per_unit: float = 0.0


def _no_amount(spec: Mapping[str, Any], specs: Specs) -> float:  # noqa: ARG001
    return 0.0


def _no_variant(spec: Mapping[str, Any]) -> str:  # noqa: ARG001
    return ""


def _no_refusal(specs: Specs) -> str | None:  # noqa: ARG001
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Stage:
    """One step from data set to measurement.

    Attributes:
        summary: What it does, for people.
        environment: Where it runs: `host`, `train`, `finn`, or `vivado`.
        entry: The function that does it, as `module:function`.
        spec: Its parameters: a frozen dataclass. The fields annotated with `Key` are what users may
            write; the others follow from the point.
        table: The table of the experiment file with these keys; by default that of its name.
        provides: The role that its artifact has for others; by default its name. Of stages that
            provide the same, such as a trained network or a given one, a point has one.
        needs: The roles whose artifacts it reads.
        needs_bitstream: What it reads besides when a real board measures.
        after: The roles that have to end well before it is made, though it reads nothing of them:
            its artifact does not depend on theirs, and one that is there needs none.
        scope: What its artifacts differ by.
        sources: What decides its result besides the modules that `entry` imports.
        amount: Units of work: multiplications in training, cycles simulated.
        memory: Bytes at the peak besides those of `cost`.
        disk: Bytes left in the store besides those of `cost`.
        refusal: Why the stage will find the design infeasible, where the specs tell; what needs it
            is then not run.
        variant: What else decides how long it takes, such as waveforms.
        files: Kinds of files it leaves that an archive may hold, as patterns by kind.
        optional: Whether other stages and the point go on without it where it is skipped.
    """

    name: str
    summary: str
    environment: str
    entry: str
    spec: type
    scope: Scope
    cost: Cost
    table: str = ""
    provides: str = ""
    needs: tuple[str, ...] = ()
    needs_bitstream: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    amount: Callable[[Mapping[str, Any], Specs], float] = _no_amount
    memory: Callable[[Mapping[str, Any], Specs], float] = _no_amount
    disk: Callable[[Mapping[str, Any], Specs], float] = _no_amount
    variant: Callable[[Mapping[str, Any]], str] = _no_variant
    refusal: Callable[[Specs], str | None] = _no_refusal
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    optional: bool = False

    @property
    def role(self) -> str:
        """What its artifact is to the stages that need it."""
        return self.provides or self.name
