"""Layers with weights, each of which differentiates itself: a product, and a quantizer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from brevitas import nn as qnn
from brevitas.core.quant import ClampedBinaryQuant
from torch import nn
from torch.nn import functional

from train_worker.lean.layer import Layer

LEAST_SCALE = 1e-10
"""Below this, Brevitas keeps the magnitude that a weight's scale is taken from."""


class Weights:
    """Weights that are used as they are.

    Args:
        weight: Of a layer, [outputs, ...].
    """

    def __init__(self, weight: torch.Tensor) -> None:
        self._weight = weight

    def used(self) -> torch.Tensor:
        """The weights that are used, of the shape of the layer's."""
        return self._weight

    def through(self, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient of the weights, from that of the weights used, which it may overwrite."""
        return gradient


class WholeWeights(Weights):
    """Signed weights in narrow range, scaled by the largest magnitude.

    They are whole multiples of the largest magnitude / `limit`, in all or for each output. The
    gradient passes the rounding as if it were not there; the largest weights get that of the scale.
    """

    def __init__(self, weight: torch.Tensor, limit: float, *, per_channel: bool) -> None:
        super().__init__(weight)
        self._limit = limit
        self._rows = weight.view(len(weight) if per_channel else 1, -1)

    def used(self) -> torch.Tensor:
        """See `Weights`."""
        magnitudes = self._rows.abs()
        largest = magnitudes.amax(dim=1, keepdim=True)
        self._is_largest = magnitudes.eq_(largest)
        scale = largest.clamp_min_(LEAST_SCALE).div_(self._limit)
        levels = self._rows / scale
        whole = levels.round()
        self._excess = levels.sub_(whole)
        return whole.mul_(scale).view_as(self._weight)

    def through(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Weights`."""
        rows = gradient.view_as(self._rows)
        of_scale = (rows * self._excess).sum(dim=1, keepdim=True).div_(-self._limit)
        share = of_scale.div_(self._is_largest.sum(dim=1, keepdim=True))
        rows.addcmul_(self._is_largest * self._rows.sign(), share)
        return gradient


class SignWeights(Weights):
    """Weights of one bit: +1 from 0 on, else -1; what is learned is kept within -1 and 1."""

    def used(self) -> torch.Tensor:
        """See `Weights`."""
        return self._weight.clamp_(-1.0, 1.0).ge(0.0).to(self._weight.dtype).mul_(2.0).sub_(1.0)


def weights_of(layer: nn.Linear | nn.Conv2d) -> Weights:
    """The weights of a layer of Brevitas' or torch's."""
    weight = layer.weight.detach()
    if not isinstance(layer, qnn.QuantLinear | qnn.QuantConv2d):
        return Weights(weight)
    quantizer = layer.weight_quant.tensor_quant
    if isinstance(quantizer, ClampedBinaryQuant):
        return SignWeights(weight)
    limit = float(2 ** (int(quantizer.msb_clamp_bit_width_impl()) - 1) - 1)
    statistics = quantizer.scaling_impl.parameter_list_stats.stats.stats_impl
    return WholeWeights(weight, limit, per_channel=statistics.stats_reduce_dim is not None)


class LeanLinear(Layer):
    """`Linear` without a bias."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, inputs]."""
        self._x = x
        self._used = self._weights.used()
        return functional.linear(x, self._used)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self.learn(gradient)
        return gradient @ self._used

    def learn(self, gradient: torch.Tensor) -> None:
        """See `Layer`."""
        self.gradients = (self._weights.through(gradient.t() @ self._x),)


class LeanConvolution(Layer):
    """`Conv2d` without a bias."""

    def __init__(
        self, weights: Weights, stride: Sequence[int], padding: Sequence[int], groups: int
    ) -> None:
        self._weights = weights
        self._stride, self._padding, self._groups = list(stride), list(padding), groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, outputs, H, W] of [N, inputs, height, width]."""
        self._x = x
        self._used = self._weights.used()
        return functional.conv2d(x, self._used, None, self._stride, self._padding, 1, self._groups)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        of_x = self._gradients(gradient, of_x=True)
        assert of_x is not None
        return of_x

    def learn(self, gradient: torch.Tensor) -> None:
        """See `Layer`."""
        self._gradients(gradient, of_x=False)

    def _gradients(self, gradient: torch.Tensor, *, of_x: bool) -> torch.Tensor | None:
        """That of `x` where it is wanted; fills that of the weights."""
        found: torch.Tensor | None
        found, of_weights, _ = torch.ops.aten.convolution_backward(
            gradient, self._x, self._used, None, self._stride, self._padding, [1, 1],
            False, [0, 0], self._groups, [of_x, True, False],
        )  # fmt: skip
        self.gradients = (self._weights.through(of_weights),)
        return found
