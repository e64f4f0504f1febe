"""What is asked of a Python file of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from contract.architecture import Shape
from contract.code import FLAT, IMAGE, Code, CodeError
from contract.stages.dataset import PIXELS, Quantization
from contract.stages.network import Widths
from stagekit import StageError


@dataclass(frozen=True, kw_only=True)
class Order:
    """The network that is asked for.

    Attributes:
        code: The file that builds it.
        weight_bits, act_bits: As the experiment file has them; 0: not quantized.
        image: Shape of the images, (C, H, W).
        classes: Number of logits.
        dropout: A probability.
        quantization: What the whole numbers in images stand for.
    """

    code: Code
    weight_bits: Widths
    act_bits: Widths
    image: Shape
    classes: int
    dropout: float
    quantization: Quantization = PIXELS

    @property
    def input_shape(self) -> Shape:
        """Of what the network takes: (C, H, W) or (F,)."""
        return (prod(self.image),) if self.code.flat else self.image

    def arguments(self) -> Mapping[str, Any]:
        """What the function is called with.

        Raises:
            StageError: There is no such function.
        """
        offered = {
            "weight_bits": _as_list(self.weight_bits),
            "act_bits": _as_list(self.act_bits),
            IMAGE: self.image,
            FLAT: prod(self.image),
            "classes": self.classes,
            "dropout": self.dropout,
        }
        try:
            return {name: offered[name] for name in self.code.parameters()}
        except CodeError as error:
            raise StageError(error.what, error.remedy) from error


def _as_list(bits: Widths) -> int | list[int]:
    return list(bits) if isinstance(bits, tuple) else bits
