"""What decides a network, trained or not; the stages that build one share these fields."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated

from contract.architecture import Architecture, Shape
from contract.code import Code
from contract.fields import Key, Means, Misfit, Range

# The trained network's largest; what is built for an FPGA keeps to 8.
LEAST_BITS, MOST_BITS = 1, 32

Bits = Annotated[int, Range(ge=LEAST_BITS, le=MOST_BITS)] | Annotated[int, Range(ge=0, le=0)]
Widths = Annotated[
    Bits | tuple[Bits, ...],
    Means(f"a number from {LEAST_BITS} to {MOST_BITS}, 0 for float, or a list of one per layer"),
]
"""Bit widths: a number for all layers, or one for each; 0 where nothing is quantized."""


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A network for images of a size.

    Attributes:
        architecture: Its layers; None of one that `code` builds.
    """

    architecture: Architecture | None
    weight_bits: Widths
    act_bits: Widths
    image_size: Annotated[
        int,
        Range(ge=0, le=128),
        Key(
            "Height and width that images are resized to, in pixels; 0 leaves them as they are.",
            inferred=True,
        ),
    ]
    code: Code | None = None

    def __post_init__(self) -> None:
        """Layers, or code that makes them; raises `Misfit`."""
        if (self.architecture is None) == (self.code is None):
            raise Misfit("architecture", "and code are given both or neither", "Give one.")

    @property
    def flat(self) -> bool:
        """Whether the network takes arrays [N, F] rather than [N, C, H, W]."""
        if self.code is not None:
            return self.code.flat
        assert self.architecture is not None
        return self.architecture.flat

    def input_shape(self, image: Shape) -> Shape:
        """Shape of what the network takes for images of shape `image`, (C, H, W)."""
        return (prod(image),) if self.flat else image

    def bits_of_layers(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Bit widths of each layer's weights, and of each activation, of known layers.

        Raises:
            Misfit: A list is of another length than the network.
        """
        network = self.architecture
        assert network is not None
        weights = _for_each("weight_bits", self.weight_bits, network.weighted())
        return weights, _for_each("act_bits", self.act_bits, network.activations())


def _for_each(field: str, bits: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    widths = bits if isinstance(bits, tuple) else (bits,) * count
    if len(widths) != count:
        remedy = f"Give {field} as one number, or a list of {count}."
        raise Misfit(field, f"is {list(widths)}", remedy)
    return widths
