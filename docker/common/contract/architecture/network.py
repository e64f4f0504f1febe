"""A network as a sequence of layers, and the way through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import prod
from typing import Any

from contract.architecture.records import (
    KINDS,
    ArchitectureError,
    Layer,
    LayerShape,
    Residual,
    Shape,
    as_text,
    leaves,
)


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """A network, whatever it is trained on.

    Attributes:
        layers: From images to logits, one per class.
        flat: Whether it takes arrays [N, F] rather than [N, C, H, W].
    """

    layers: tuple[Layer, ...]
    flat: bool = False

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Architecture:
        """The reverse of `to_json`.

        Raises:
            ArchitectureError: `data` is not a declaration.
        """
        try:
            return cls(layers=_layers(data["layers"]), flat=bool(data["flat"]))
        except (KeyError, TypeError) as error:
            raise ArchitectureError(f"is not the declaration of a network: {error!r}") from error

    def input_shape(self, image: Shape) -> Shape:
        """Shape of what the network takes for images of shape `image`, (C, H, W)."""
        return (prod(image),) if self.flat else image

    def weighted(self) -> int:
        """How many layers have weights."""
        return sum(layer.weighted for layer in leaves(self.layers))

    def activations(self) -> int:
        """How many activations there are."""
        return sum(layer.activation for layer in leaves(self.layers))

    def pads_images(self) -> bool:
        """Whether zeros may be put beside the images themselves, before any activation."""
        for layer in leaves(self.layers):
            if layer.activation:
                return False
            if getattr(layer, "padding", 0):
                return True
        return False

    def shapes(self, image: Shape, classes: int) -> tuple[LayerShape, ...]:
        """The layers with weights, in order.

        Args:
            image: Shape of the images, (channels, height, width).
            classes: How many logits there have to be.

        Raises:
            ArchitectureError: A layer cannot take what comes before it, or there are other logits.
        """
        walk = _Walk(classes)
        output = walk.through(self.layers, self.input_shape(image))
        if output != (classes,):
            raise ArchitectureError(f"it gives {as_text(output)}, not {classes} logits")
        return tuple(walk.shapes)


class _Walk:
    """Collects the layers with weights on the way through a network."""

    def __init__(self, classes: int) -> None:
        self.shapes: list[LayerShape] = []
        self._classes = classes
        self._named: Counter[str] = Counter()
        self._forks, self._fork, self._depth = 0, 0, 0

    def through(self, layers: Iterable[Layer], shape: Shape) -> Shape:
        """Shape of the values after `layers`."""
        for layer in layers:
            output = layer.output(shape, self._classes)
            if isinstance(layer, Residual):
                self._both(layer, shape)
            elif layer.weighted:
                self._named[layer.prefix] += 1
                matrix = layer.matrix(shape, self._classes)
                name = f"{layer.prefix}{self._named[layer.prefix]}"
                self.shapes.append(replace(matrix, name=name, **self._place()))
            shape = output
        return shape

    def _place(self) -> dict[str, Any]:
        return {"fork": self._fork, "residual": self._depth > 0}

    def _both(self, layer: Residual, shape: Shape) -> None:
        paths, around = (layer.branch, layer.shortcut), self._fork
        if not around and all(any(each.weighted for each in leaves(path)) for path in paths):
            self._forks += 1
            self._fork = self._forks
        self._depth += 1
        for path in paths:
            self.through(path, shape)
        self._depth -= 1
        self._fork = around


def _layers(data: Iterable[Mapping[str, Any]]) -> tuple[Layer, ...]:
    return tuple(map(_layer, data))


def _layer(data: Mapping[str, Any]) -> Layer:
    kind = KINDS.get(data["kind"])
    if kind is None:
        raise ArchitectureError(f"there is no layer {data['kind']!r}; valid: {', '.join(KINDS)}")
    own = {f.name for f in fields(kind)} - {"kind"}
    values = {name: value for name, value in data.items() if name != "kind"}
    if values.keys() - own:
        raise ArchitectureError(f"{data['kind']} has no {', '.join(sorted(values.keys() - own))}")
    return kind(**{n: _layers(v) if isinstance(v, list | tuple) else v for n, v in values.items()})
