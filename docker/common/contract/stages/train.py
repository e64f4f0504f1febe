"""The `train` stage: quantization-aware training with Brevitas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, Protocol

from contract import space
from contract.fields import Key, Misfit, Range
from contract.stage import GIB, Cost, Scope, Stage
from contract.stages.network import NetworkSpec
from contract.text import counted
from contract.training_costs import (
    SECONDS_PER_MULTIPLICATION,
    multiplications,
    training_bytes,
)

LARGEST_SEED = 2**63 - 1
"""torch's."""

Epoch = Annotated[int, Range(ge=1, le=10_000)]


class _Milestones(Protocol):
    @property
    def milestones(self) -> tuple[int, ...]: ...
    @property
    def epochs(self) -> int: ...


@dataclass(frozen=True, kw_only=True)
class TrainSpec(NetworkSpec):
    """What to train, and how."""

    network: str
    seed: Annotated[int, Range(ge=0, le=LARGEST_SEED)]
    epochs: Annotated[Epoch, Key("Passes over the training images.")]
    milestones: Annotated[
        tuple[Epoch, ...],
        Key("The learning rate is multiplied by `gamma` after each of these epochs."),
    ]
    # Batch normalization has no variance to work with in a batch of one.
    batch_size: Annotated[int, Range(ge=2), Key("Images per step.", inferred=True)]
    learning_rate: Annotated[
        float, Range(gt=0, le=100), Key("Adam's, before the first milestone.", inferred=True)
    ]
    gamma: Annotated[float, Range(gt=0, le=1), Key("See `milestones`.", inferred=True)]
    dropout: Annotated[
        float,
        Range(ge=0, lt=1),
        Key("Probability of dropping an input or activation.", inferred=True),
    ]
    train_images: Annotated[
        int, Range(ge=0), Key("The first so many training images; 0 for all.", counts="training")
    ] = 0

    def check(self: _Milestones) -> None:
        """Milestones rise, and lie within the training; raises `Misfit`."""
        rising = all(epoch < later for epoch, later in pairwise(self.milestones))
        if not rising or any(epoch >= self.epochs for epoch in self.milestones):
            last = self.epochs - 1
            valid = f"rising epochs from 1 to {last:,}, or none: []" if last else "none: []"
            trained = counted(self.epochs, "epoch is", "epochs are")
            what = f"= {list(self.milestones)}, and {trained} trained"
            raise Misfit("milestones", what, f"Give {valid}.")


def _batches(spec: Mapping[str, Any]) -> str:
    return f"batches of {spec['batch_size']}"


STAGE = Stage(
    name="train",
    summary="train with Brevitas",
    environment="train",
    entry="train_worker.training:train",
    spec=TrainSpec,
    scope=Scope.TRAINING,
    needs=("dataset",),
    after=("inspect",),
    cost=Cost(
        seconds=4,
        per_unit=SECONDS_PER_MULTIPLICATION,
        memory=GIB * 35 // 100,
        disk=20_000,
    ),
    amount=multiplications,
    memory=training_bytes,
    disk=space.of_model,
    variant=_batches,
    files={"checkpoints": ("files/*.pt",)},
)
