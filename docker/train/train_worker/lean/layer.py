"""Layers without weights, each of which differentiates itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import nn

from train_worker.networks import ScalePixels

DROPOUT_LEVELS = 2**16


class Layer(ABC):
    """A layer in training that differentiates itself: `forward`, then `backward` or `learn`.

    Attributes:
        gradients: Of its parameters, in their order.
    """

    gradients: Sequence[torch.Tensor] = ()

    @abstractmethod
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's values; keeps what their gradient needs."""

    @abstractmethod
    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of `x`, from that of what `forward` returned last; fills `gradients`."""

    def learn(self, gradient: torch.Tensor) -> None:
        """Only fill `gradients`, where nothing before the layer learns."""
        self.backward(gradient)


class LeanPixels(Layer):
    """`ScalePixels`."""

    def __init__(self, layer: ScalePixels) -> None:
        self._layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        scaled: torch.Tensor = self._layer(x)
        return scaled

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient / self._layer.divisor


class LeanDropout(Layer):
    """`Dropout` from one 64-bit random number for four values.

    The probability is met to within 2**-17. Drawing a random number for each value takes as long
    as half of all the rest of a step.
    """

    def __init__(self, probability: float) -> None:
        self._dropped = round(probability * DROPOUT_LEVELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x`, some of it 0 and the rest larger to make up for it."""
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), None)
        levels = draws.view(torch.int16)[: x.numel()].view(x.shape)
        # In place on floats, as a comparison that gives booleans takes ten times as long.
        kept = levels.to(x.dtype).ge_(self._dropped - DROPOUT_LEVELS // 2)
        self._factors = kept.mul_(DROPOUT_LEVELS / (DROPOUT_LEVELS - self._dropped))
        return x * self._factors

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient * self._factors


class LeanNormalization(Layer):
    """`BatchNorm1d` and `BatchNorm2d`."""

    def __init__(self, layer: nn.BatchNorm1d | nn.BatchNorm2d, momentum: float) -> None:
        self._weight, self._bias = layer.weight.detach(), layer.bias.detach()
        self._statistics = (layer.running_mean, layer.running_var)
        self._batches = layer.num_batches_tracked
        self._momentum, self._epsilon = momentum, layer.eps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._batches.add_(1)
        self._x = x
        values, *self._of_batch = torch.native_batch_norm(
            x, self._weight, self._bias, *self._statistics, True, self._momentum, self._epsilon
        )
        return values

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        of_x: torch.Tensor
        of_x, *self.gradients = torch.ops.aten.native_batch_norm_backward(
            gradient, self._x, self._weight, *self._statistics, *self._of_batch,
            True, self._epsilon, [True, True, True],
        )  # fmt: skip
        return of_x


class LeanMaxPool(Layer):
    """`MaxPool2d`."""

    def __init__(self, layer: nn.MaxPool2d) -> None:
        self._window = (_pair(layer.kernel_size), _pair(layer.stride), _pair(layer.padding))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._x = x
        values, self._places = torch.ops.aten.max_pool2d_with_indices(x, *self._window)
        return values

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        of_x: torch.Tensor = torch.ops.aten.max_pool2d_with_indices_backward(
            gradient, self._x, *self._window, [1, 1], False, self._places
        )
        return of_x


class LeanGlobalPool(Layer):
    """The mean of each channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, C, 1, 1] of [N, C, H, W]."""
        self._shape = x.shape
        return x.mean(dim=(2, 3), keepdim=True)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return (gradient / self._shape[2:].numel()).expand(self._shape)


class LeanIdentity(Layer):
    """`Identity`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return x

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient


class LeanFlatten(Layer):
    """`Flatten`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._shape = x.shape
        return x.flatten(1)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient.view(self._shape)


def _pair(size: int | tuple[int, ...]) -> list[int]:
    return [size, size] if isinstance(size, int) else list(size)
