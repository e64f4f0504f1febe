"""What a flow is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from contract.architecture import LayerShape
from contract.stage import Stage
from contract.stages import dataset, export, imported, model, train

TRAINED = (dataset.STAGE, train.STAGE, export.STAGE)
"""The stages before any flow, for a network that is trained."""
GIVEN = (dataset.STAGE, model.STAGE, imported.STAGE)
"""The stages before any flow, for a model of the user's."""


@dataclass(frozen=True, kw_only=True)
class Folding:
    """How parallel a design is.

    Attributes:
        name: As results call it.
        fields: What it decides of the specs of its flow's stages, by field.
    """

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """The layer that sets the interval of a folded network.

    Attributes:
        layer: What it is, for people; or why there is none, or none is known.
        cycles: Per image; None where there is no such design, or none is known.
        fps: Images per second that it lets through.
        is_bound: Whether it takes at most so many cycles.
        shares: Cycles of each layer, of those of the slowest.
    """

    layer: str
    cycles: float | None = None
    fps: float = 0.0
    is_bound: bool = False
    shares: tuple[float, ...] = ()


Layers = Sequence[LayerShape] | None
"""Those of a network that have weights; None of one that only a worker can read."""


class FoldingFormat(Protocol):
    """How a flow's foldings are written; every method raises `ConfigError` for one that is not.

    `layers` is None of a network that only a worker can read: what is written is then all that can
    be checked.
    """

    @property
    def goals(self) -> Sequence[str]:
        """What `for_goal` takes, as messages name it; empty of a flow that does not search."""

    def named(self, path: Path, name: str, entry: Any, layers: Layers) -> Folding:
        """The folding `name`, whose entry in the TOML file `path` is `entry`."""

    def from_file(self, path: Path, layers: Layers) -> Folding:
        """The folding in a file of the user's."""

    def for_throughput(self, fps: float) -> Folding:
        """What the flow's search shall find for `fps` images per second."""

    def for_goal(self, written: str, build: Any) -> Folding | None:
        """What the flow's search shall find, where `written` is a goal and not a name.

        `build` is the grid's table.
        """

    def bottleneck(self, folding: Folding, layers: Layers, build: Any) -> Bottleneck:
        """The slowest of `layers`, known before a run; `build` is the grid's table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Flow:
    """The stages between a trained model and a measured one.

    Attributes:
        name: As experiment files say it.
        title: For people, with its version.
        stages: In order, each after those that it needs.
        inspection: What says before a training whether a design can be made of it; in order, the
            last one from the exported network.
        inspected: The module whose `show` prints what that found.
        searching: What looks for the best designs of a network; likewise.
        searched: The module whose `show` prints what that found.
        boards: The FPGA of each board that it builds for.
        columns: The module that registers its columns of the results, imported when they are
            needed; None for a flow without.
        foldings: How its foldings are written.
    """

    name: str
    title: str
    stages: tuple[Stage, ...]
    foldings: FoldingFormat
    inspection: tuple[Stage, ...] = ()
    inspected: str | None = None
    searching: tuple[Stage, ...] = ()
    searched: str | None = None
    boards: Mapping[str, str] = field(default_factory=dict)
    columns: str | None = None

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """With those before it, whichever a point has of them."""
        front = dict.fromkeys((*self._before_training, *self.searching, *GIVEN))
        return (*front, *self.stages)

    @property
    def of_training(self) -> tuple[Stage, ...]:
        """The stages of a network that is trained."""
        return self._after(self._before_training)

    @property
    def of_model(self) -> tuple[Stage, ...]:
        """The stages of a model of the user's."""
        return self._after(GIVEN)

    @staticmethod
    def of_given(stages: Sequence[Stage]) -> tuple[Stage, ...]:
        """The inspection, or the search, of a model of the user's."""
        *_, last = stages
        return (*GIVEN, replace(last, needs=(imported.STAGE.role,)))

    @property
    def _before_training(self) -> tuple[Stage, ...]:
        data, *training = TRAINED
        return (data, *self.inspection, *training)

    def _after(self, front: tuple[Stage, ...]) -> tuple[Stage, ...]:
        """`front` and those of the flow's stages that find all they need."""
        stages, roles = [*front], {stage.role for stage in front}
        for stage in self.stages:
            if roles.issuperset(stage.needs):
                stages.append(stage)
                roles.add(stage.role)
        return tuple(stages)


def up_to(name: str, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Of `stages`, in their order, the one of that name or role, and everything before it."""
    wanted = {name}
    for stage in reversed(stages):
        if wanted & {stage.name, stage.role}:
            wanted.update(stage.needs, stage.needs_bitstream, stage.after)
    return tuple(stage for stage in stages if wanted & {stage.name, stage.role})
