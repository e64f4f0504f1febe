"""Gradients through Brevitas' own modules and autograd: for all kinds of layers."""

from __future__ import annotations

import torch
from torch import nn

from train_worker.lean import join


class Autograd:
    """The network itself, with the interface of `lean.Twin`; see there."""

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
