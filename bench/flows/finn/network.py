"""The hardware layers of a network, as far as they are known before it is compiled.

FINN numbers the layers of each kind as they stand in the hardware graph. That is the order of the
declaration but for the two paths of a residual that both have weights.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bench.flows.finn.layer_names import parse
from bench.flows.flow import Layers
from contract.finn.folding import folded

_NOT_KNOWN = (
    "Layers of a network or model of your own have FINN's names, such as MVAU_0 for the first with "
    "weights; `bench inspect` lists them."
)


@dataclass(frozen=True)
class Place:
    """A layer that a folding names.

    Attributes:
        layer: As a spec says it (`contract.finn.folding.Setting`).
        kind: FINN's.
        candidates: Places in the declaration that it may have; none where that is not known.
    """

    layer: str | int
    kind: str = field(compare=False)
    candidates: tuple[int, ...] = field(default=(), compare=False)


class Known:
    """What is known of a network.

    Args:
        layers: In the order of the declaration.
    """

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        given = layers or ()
        self._forks = any(layer.fork for layer in given)
        self._residual = any(layer.residual for layer in given)
        self._own = {layer.name: index for index, layer in enumerate(given) if layer.name}
        self._indexes = {
            "MVAU": [index for index, layer in enumerate(given) if not layer.depthwise],
            "VVAU": [index for index, layer in enumerate(given) if layer.depthwise],
            # Thresholds stand between layers, and behind sums.
            "Thresholding": list(range(len(given) - 1)),
        }

    def is_own(self, name: str) -> bool:
        """Whether the network's declaration calls a layer so."""
        return name in self._own

    def find(self, name: str) -> Place | None:
        """The layer that is called so; None where the network has none."""
        if name in self._own:
            return self._declared(self._own[name])
        if (parsed := parse(name)) is None:
            return None
        kind, number, _ = parsed
        if not self.has(kind):
            return None
        indexes = self._indexes.get(kind)
        unknown = kind == "Thresholding" and self._residual
        if self.layers is None or indexes is None or unknown:
            return Place(f"{kind}_{number}", kind)
        if number >= len(indexes):
            return None
        return Place(f"{kind}_{number}", kind, self._candidates(indexes, indexes[number]))

    def needed(self, found: Collection[Place], *, own: bool) -> dict[Place, str]:
        """The layers that need a PE and a SIMD, and what a message calls them.

        Args:
            found: Those that have an entry.
            own: Whether the network's own names are used.
        """
        if self.layers is None:
            numbers = [int(str(p.layer).rpartition("_")[2]) for p in found if p.kind == "MVAU"]
            names = [f"MVAU_{number}" for number in range(max(numbers, default=0) + 1)]
            return {Place(name, "MVAU"): name for name in names}
        if own:
            indexes = self._indexes["MVAU"]
            return {self._declared(index): self.layers[index].name for index in indexes}
        names = [f"MVAU_{number}" for number in range(len(self._indexes["MVAU"]))]
        return {Place(name, "MVAU"): name for name in names}

    def has(self, kind: str) -> bool:
        """Whether there may be layers of a kind."""
        if self.layers is None:
            return True
        images = any(layer.image != (1, 1) for layer in self.layers)
        return bool(self._indexes.get(kind, images)) and kind != "LabelSelect"

    def text(self) -> str:
        """The layers that a folding may name, for a message."""
        if self.layers is None:
            return _NOT_KNOWN
        shapes = [f"({layer.inputs} x {layer.outputs})" for layer in folded(self.layers)]
        own = [f"{layer.name} " if layer.name else "" for layer in folded(self.layers)]
        if self._forks:
            both = ", ".join(name + shape for name, shape in zip(own, shapes, strict=True))
            return (
                f"Layers: {both}; in hardware MVAU_0 to MVAU_{len(shapes) - 1}, whose order only "
                "the compilation knows."
            )
        called = [f"MVAU_{n} {shape}" for n, shape in enumerate(shapes)]
        if all(own):
            called = [f"{name}or {text}" for name, text in zip(own, called, strict=True)]
        kinds = ["VVAU"] if self._residual else ["VVAU", "Thresholding"]
        others = [
            f"{kind}_{number}" for kind in kinds for number in range(len(self._indexes[kind]))
        ]
        optional = f"; and, where you like, {', '.join(others)}" if others else ""
        return f"Layers: {', '.join(called)}{optional}."

    def _declared(self, index: int) -> Place:
        """The layer at a place in the declaration."""
        assert self.layers is not None
        kind = "VVAU" if self.layers[index].depthwise else "MVAU"
        if self._forks:
            return Place(index + 1, kind, (index,))
        return Place(f"{kind}_{self._indexes[kind].index(index)}", kind, (index,))

    def _candidates(self, indexes: Sequence[int], index: int) -> tuple[int, ...]:
        """Of a fork, all of its layers of the kind."""
        assert self.layers is not None
        fork = self.layers[index].fork
        return tuple(i for i in indexes if i == index or (fork and self.layers[i].fork == fork))
