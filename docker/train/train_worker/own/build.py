"""From a Python file of the user's to a network that is trained like any other."""

from __future__ import annotations

import random
import sys
from types import ModuleType

import numpy as np
import torch
from brevitas.quant_tensor import QuantTensor
from torch import nn

from contract.stages.dataset import Quantization
from stagekit import StageError
from train_worker.networks import ScalePixels
from train_worker.own import checks
from train_worker.own.blame import blamed, show_lines_of
from train_worker.own.order import Order
from train_worker.own.trial import tried

BUILD_SECONDS = 60.0
"""For building the network twice and running it on a few images."""
MODULE = "network_of_the_user"
"""Where Python finds the file's module, as pickles and some decorators ask for it."""


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
