"""From a Python file of the user's to a network that is trained like any other."""

from __future__ import annotations

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
import torch
from brevitas.quant_tensor import QuantTensor
from torch import nn

from contract.architecture import Shape
from contract.code import FLAT, IMAGE, Code, CodeError
from contract.stages.dataset import PIXELS, Quantization
from contract.stages.network import Widths
from stagekit import StageError
from train_worker.networks import ScalePixels
from train_worker.own import checks
from train_worker.own.blame import blamed, show_lines_of
from train_worker.own.trial import tried

BUILD_SECONDS = 60.0
"""For building the network twice and running it on a few images."""
MODULE = "network_of_the_user"
"""Where Python finds the file's module, as pickles and some decorators ask for it."""


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


class Own(nn.Module):
    """A network of the user's, behind the scaling of whole numbers to what they stand for."""

    def __init__(self, network: nn.Module, quantization: Quantization) -> None:
        super().__init__()
        self.scale = ScalePixels(quantization)
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The logits, without the scale and bit width that Brevitas may attach to them."""
        values = self.network(self.scale(pixels))
        logits: torch.Tensor = values.value if isinstance(values, QuantTensor) else values
        return logits


def build(order: Order) -> nn.Module:
    """The network; its initial weights follow torch's global seed.

    Raises:
        StageError: The file raises something, takes too long, or builds no such network.
    """
    tried(lambda: checks.check(order, _made), order.code.file, BUILD_SECONDS)
    return _made(order)


def _made(order: Order) -> nn.Module:
    """Run the file and call its function; raises `StageError`."""
    arguments, code = order.arguments(), order.code
    seed = torch.initial_seed()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    show_lines_of(code)
    module = ModuleType(MODULE)
    sys.modules[MODULE] = module
    with blamed(code, "when it is imported"):
        exec(compile(code.text, code.file, "exec"), module.__dict__)
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    with blamed(code, f"in {code.function}({call})"):
        network = getattr(module, code.function)(**arguments)
    if not isinstance(network, nn.Module):
        raise StageError(
            f"{code.file}: {code.function} returned {type(network).__name__}, no torch.nn.Module.",
            "Return the network.",
        )
    return Own(network, order.quantization)


def _as_list(bits: Widths) -> int | list[int]:
    return list(bits) if isinstance(bits, tuple) else bits
