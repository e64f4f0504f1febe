"""The twin of a network: see the package."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from brevitas import nn as qnn
from torch import nn

from train_worker.lean.activations import LeanHardTanh, LeanReLU, quantized
from train_worker.lean.layer import (
    Layer,
    LeanDropout,
    LeanFlatten,
    LeanGlobalPool,
    LeanIdentity,
    LeanMaxPool,
    LeanNormalization,
    LeanPixels,
)
from train_worker.lean.matrices import LeanConvolution, LeanLinear, weights_of
from train_worker.networks import GlobalAveragePool, Residual, ScalePixels


class UnknownLayerError(Exception):
    """A kind of layer that has no twin; autograd differentiates all kinds."""


class Twin:
    """Learns in place of a network, which sees all of it.

    Args:
        network: Its parameters become parts of `vector`, their gradients of `vector.grad`.

    Attributes:
        network: As given.
        vector: Every parameter, one after another, float [P].
        recordable: Whether a CUDA graph of a step gives the same values.

    Raises:
        UnknownLayerError: `network`, left as it was, holds a kind of layer that has no twin.
    """

    recordable = True

    def __init__(self, network: nn.Module) -> None:
        if not isinstance(network, nn.Sequential):
            raise UnknownLayerError(type(network).__name__)
        for layer in network:
            _twin(layer)
        self.network = network
        self.vector = join(network.parameters())
        self._layers = _Row(network)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """The logits of a batch in training, [N, classes] of float [N, F] or [N, C, H, W]."""
        return self._layers.forward(pixels)

    def backward(self, gradient: torch.Tensor) -> None:
        """Fill `vector.grad`, given the gradient of the logits that `forward` returned last."""
        self._layers.learn(gradient)
        parts = [part.reshape(-1) for part in self._layers.gradients]
        torch.cat(parts, out=self.vector.grad)


def join(parameters: Iterable[nn.Parameter]) -> nn.Parameter:
    """Move parameters into one vector, of which they then are parts, as are their gradients."""
    parts = list(parameters)
    vector = nn.Parameter(torch.cat([part.detach().reshape(-1) for part in parts]))
    vector.grad = torch.zeros_like(vector)
    sizes = [part.numel() for part in parts]
    values, gradients = vector.detach().split(sizes), vector.grad.split(sizes)
    for part, value, gradient in zip(parts, values, gradients, strict=True):
        part.data, part.grad = value.view(part.shape), gradient.view(part.shape)
    return vector


class _Row(Layer):
    """Layers one after another."""

    def __init__(self, modules: nn.Sequential) -> None:
        self._layers = [_twin(layer) for layer in modules]
        learns = [bool(list(layer.parameters())) for layer in modules]
        self._first = learns.index(True) if any(learns) else len(learns)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        for layer in self._layers:
            x = layer.forward(x)
        return x

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        for layer in reversed(self._layers):
            gradient = layer.backward(gradient)
        self._gather()
        return gradient

    def learn(self, gradient: torch.Tensor) -> None:
        """See `Layer`."""
        for layer in reversed(self._layers[self._first + 1 :]):
            gradient = layer.backward(gradient)
        self._layers[self._first].learn(gradient)
        self._gather()

    def _gather(self) -> None:
        self.gradients = [part for layer in self._layers for part in layer.gradients]


class LeanResidual(Layer):
    """`Residual`."""

    def __init__(self, layer: Residual) -> None:
        self._paths = _Row(layer.branch), _Row(layer.shortcut)
        # The same quantizer twice, as each remembers what it was given.
        self._ends = _twin(layer.quantizer), _twin(layer.quantizer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        branch, shortcut = (
            end.forward(path.forward(x)) for path, end in zip(self._paths, self._ends, strict=True)
        )
        return branch + shortcut

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        branch, shortcut = (
            path.backward(end.backward(gradient))
            for path, end in zip(self._paths, self._ends, strict=True)
        )
        of_ends = zip(*(end.gradients for end in self._ends), strict=True)
        self.gradients = [
            *(part for path in self._paths for part in path.gradients),
            *(first + second for first, second in of_ends),
        ]
        return branch + shortcut


def _twin(layer: nn.Module) -> Layer:  # noqa: PLR0911, PLR0912  # one line for each kind
    match layer:
        case nn.Linear(bias=None):
            return LeanLinear(weights_of(layer))
        case nn.Conv2d(bias=None, dilation=(1, 1)) if not isinstance(layer.padding, str):
            return LeanConvolution(weights_of(layer), layer.stride, layer.padding, layer.groups)
        case qnn.QuantHardTanh() | qnn.QuantReLU() | qnn.QuantIdentity():
            return quantized(layer)
        case nn.Hardtanh():
            return LeanHardTanh(layer.min_val, layer.max_val)
        case nn.ReLU():
            return LeanReLU()
        case nn.BatchNorm1d() | nn.BatchNorm2d() if layer.momentum is not None:
            return LeanNormalization(layer, layer.momentum)
        case nn.MaxPool2d(ceil_mode=False, dilation=1):
            return LeanMaxPool(layer)
        case GlobalAveragePool():
            return LeanGlobalPool()
        case nn.Flatten(start_dim=1, end_dim=-1):
            return LeanFlatten()
        case nn.Dropout():
            return LeanDropout(layer.p)
        case nn.Identity():
            return LeanIdentity()
        case ScalePixels():
            return LeanPixels(layer)
        case Residual():
            return LeanResidual(layer)
        case _:
            raise UnknownLayerError(str(layer))
