"""Activations, quantized or not, each of which differentiates itself."""

from __future__ import annotations

import torch
from brevitas import nn as qnn
from brevitas.core.quant import ClampedBinaryQuant
from torch.nn import functional

from train_worker.lean.layer import Layer


def quantized(layer: qnn.QuantHardTanh | qnn.QuantReLU | qnn.QuantIdentity) -> Layer:
    """The twin of a quantized activation."""
    quantizer = layer.act_quant.fused_activation_quant_proxy.tensor_quant
    if isinstance(quantizer, ClampedBinaryQuant):
        return LeanSign()
    threshold = quantizer.scaling_impl.value.detach()
    bits = int(quantizer.msb_clamp_bit_width_impl())
    if isinstance(layer, qnn.QuantReLU):
        return LeanQuantReLU(threshold, 0.0, 2.0**bits - 1, 2.0**bits - 1)
    half = 2.0 ** (bits - 1)
    return LeanActivation(threshold, -half, half - 1, half)


class LeanHardTanh(Layer):
    """`Hardtanh`."""

    def __init__(self, least: float, most: float) -> None:
        self._range = (least, most)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._x = x
        return functional.hardtanh(x, *self._range)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        passed: torch.Tensor = torch.ops.aten.hardtanh_backward(gradient, self._x, *self._range)
        return passed


class LeanReLU(Layer):
    """`ReLU`."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._values = functional.relu(x)
        return self._values

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        passed: torch.Tensor = torch.ops.aten.threshold_backward(gradient, self._values, 0)
        return passed


class LeanActivation(Layer):
    """A quantized activation whose scale is learned.

    The values are whole multiples of |threshold| / `limit`, clamped to `least` and `most` of them.
    The gradient passes the rounding, but not the clamping.
    """

    def __init__(self, threshold: torch.Tensor, least: float, most: float, limit: float) -> None:
        self._threshold = threshold
        self._range = least, most
        self._limit = limit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        scale = self._threshold.abs().div_(self._limit)
        levels = x / scale
        whole = levels.round()
        clamped = whole.clamp(*self._range)
        self._inside = whole.eq_(clamped)
        self._of_scale = torch.sub(clamped, levels.mul_(self._inside))
        return clamped.mul_(scale)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        of_scale = (gradient * self._of_scale).sum()
        self.gradients = (of_scale * self._threshold.sign() / self._limit,)
        return gradient * self._inside


class LeanQuantReLU(LeanActivation):
    """`QuantReLU`: what is not above 0 has no gradient."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        above = functional.relu(x)
        values = super().forward(above)
        self._inside.mul_(above.sign_())
        return values


class LeanSign(Layer):
    """An activation of one bit: +1 from 0 on, else -1; the gradient passes from -1 to 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        self._inside = x.abs().le_(1.0)
        return x.ge(0.0).to(x.dtype).mul_(2.0).sub_(1.0)

    def backward(self, gradient: torch.Tensor) -> torch.Tensor:
        """See `Layer`."""
        return gradient * self._inside
