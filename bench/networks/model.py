"""What the file of a network declares."""

from __future__ import annotations

from dataclasses import dataclass

from contract.architecture import Architecture, LayerShape, Shape
from contract.code import Code


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """How a network is trained where a grid does not say otherwise; fields as in `[train]`."""

    image_size: int = 32
    batch_size: int = 100
    learning_rate: float = 0.01
    gamma: float = 0.1
    dropout: float = 0.2


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that grids may name.

    Attributes:
        name: What grids call it.
        architecture: Its layers; None of one that `code` builds.
        defaults: Its authors' hyper-parameters, and the size of images that it was made for.
        code: The Python file whose function returns it; bench never runs it.
    """

    name: str
    architecture: Architecture | None
    defaults: Defaults = Defaults()
    code: Code | None = None

    def __post_init__(self) -> None:
        """Raise `ArchitectureError` for layers that do not fit each other."""
        if self.architecture is not None:
            size = self.defaults.image_size
            self.architecture.shapes((1, size, size), classes=10)

    def shapes(self, image: Shape, classes: int) -> tuple[LayerShape, ...] | None:
        """The layers with weights, as `Architecture.shapes`; None where they are not known."""
        return None if self.architecture is None else self.architecture.shapes(image, classes)
