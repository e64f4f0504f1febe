"""A network's step of learning through Brevitas' own modules: for all kinds of layers."""

from __future__ import annotations

import torch
from torch import nn

from train_worker.lean import join


class Autograd:
    """No twin at all: the network itself, where a `lean.Twin` is expected; see there."""

    recordable = False

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.vector = join(network.parameters())

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """See `Twin`."""
        self._values = self.network.train()(pixels)
        return self._values.detach()

    def backward(self, gradient: torch.Tensor) -> None:
        """See `Twin`."""
        assert self.vector.grad is not None
        self.vector.grad.zero_()
        self._values.backward(gradient)
