"""A network's forward pass for training, with Brevitas' arithmetic and little of its Python.

Brevitas builds a quantizer out of a dozen small modules, so that any part can be exchanged. In
training, a step of a small network spends most of its time walking through them. `lean` gives a
twin of a network: the same parameters, the same values and the same gradients, each quantizer one
function whose gradient is written out. The tests hold it against Brevitas at every bit width;
what is evaluated, stored and exported is always Brevitas' own network.
"""

from __future__ import annotations

from typing import Any

import torch
from brevitas import nn as qnn
from torch import nn
from torch.nn import functional

from stagekit import StageError
from train_worker.networks import ScalePixels

LEAST_SCALE = 1e-10
"""Below this, Brevitas keeps the magnitude that a weight's scale is taken from."""

DROPOUT_LEVELS = 2**16


def lean(network: nn.Module) -> nn.Module:
    """A twin of `network` that shares its parameters and buffers.

    Raises:
        StageError: `network` holds a kind of layer that no twin is known for.
    """
    assert isinstance(network, nn.Sequential)
    return nn.Sequential(*(_twin(layer) for layer in network))


def _twin(layer: nn.Module) -> nn.Module:
    if isinstance(layer, qnn.QuantLinear):
        return LeanLinear(layer)
    if isinstance(layer, qnn.QuantHardTanh):
        return LeanActivation(layer)
    if isinstance(layer, nn.Dropout):
        return LeanDropout(layer.p)
    if isinstance(layer, nn.Linear | nn.BatchNorm1d | nn.Hardtanh | ScalePixels):
        return layer
    raise StageError(f"Training knows no lean twin of the layer {type(layer).__name__}.")


class LeanLinear(nn.Module):
    """`QuantLinear` with signed weights in narrow range, scaled by the largest magnitude."""

    def __init__(self, layer: qnn.QuantLinear) -> None:
        super().__init__()
        self.weight = layer.weight
        quantizer = layer.weight_quant.tensor_quant
        self.limit = float(2 ** (int(quantizer.msb_clamp_bit_width_impl()) - 1) - 1)
        statistics = quantizer.scaling_impl.parameter_list_stats.stats.stats_impl
        self.per_channel = statistics.stats_reduce_dim is not None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, outputs] of [N, inputs]."""
        weight = QuantizeWeight.apply(self.weight, self.limit, self.per_channel)
        return functional.linear(x, weight)


class LeanActivation(nn.Module):
    """`QuantHardTanh`: signed, its scale learned."""

    def __init__(self, layer: qnn.QuantHardTanh) -> None:
        super().__init__()
        quantizer = layer.act_quant.fused_activation_quant_proxy.tensor_quant
        self.threshold = quantizer.scaling_impl.value
        self.limit = float(2 ** (int(quantizer.msb_clamp_bit_width_impl()) - 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Like `x`, on the grid of the activation's values."""
        quantized: torch.Tensor = QuantizeActivation.apply(x, self.threshold, self.limit)
        return quantized


class LeanDropout(nn.Module):
    """`Dropout` from one 64-bit random number for four values.

    The probability is met to within 2**-17. Drawing a random number for each value takes as long
    as all the rest of a step.
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.dropped = round(probability * DROPOUT_LEVELS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x`, some of it 0 and the rest larger to make up for it."""
        if not self.training or self.dropped == 0:
            return x
        draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        draws.random_(-(2**63), None)
        levels = draws.view(torch.int16)[: x.numel()].view(x.shape)
        # In place on floats, as a comparison that gives booleans takes ten times as long.
        kept = levels.to(x.dtype).ge_(self.dropped - DROPOUT_LEVELS // 2)
        return x * kept.mul_(DROPOUT_LEVELS / (DROPOUT_LEVELS - self.dropped))


class QuantizeWeight(torch.autograd.Function):
    """Weights on their grid: whole multiples of the largest magnitude / `limit`.

    `apply` takes the weights [outputs, inputs], the largest integer, and whether each output has a
    scale of its own. The gradient passes the rounding as if it were not there.
    """

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, limit: float, per_channel: bool) -> torch.Tensor:
        """The quantized weights."""
        rows = weight if per_channel else weight.reshape(1, -1)
        magnitudes = rows.abs()
        largest = magnitudes.amax(dim=1, keepdim=True)
        scale = largest.clamp_min(LEAST_SCALE) / limit
        levels = rows / scale
        whole = levels.round()
        ctx.save_for_backward(rows, magnitudes.eq_(largest), levels.sub_(whole))
        ctx.limit = limit
        return (whole * scale).view_as(weight)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """Of the weights; the largest of a scale's weights get the gradient of the scale too."""
        rows, is_largest, excess = ctx.saved_tensors
        gradient = gradients[0].reshape(rows.shape)
        of_scale = (gradient * excess).sum(dim=1, keepdim=True) / -ctx.limit
        share = of_scale / is_largest.sum(dim=1, keepdim=True)
        return (gradient + is_largest * rows.sign() * share).view_as(gradients[0]), None, None


class QuantizeActivation(torch.autograd.Function):
    """Values on a signed grid: whole multiples of |threshold| / `limit`, clamped.

    `apply` takes the values, the learned threshold, and 2**(bits - 1). The gradient passes the
    rounding, but not the clamping.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, threshold: torch.Tensor, limit: float) -> torch.Tensor:
        """The quantized values."""
        scale = threshold.abs() / limit
        levels = x / scale
        whole = levels.round()
        clamped = whole.clamp(-limit, limit - 1)
        ctx.save_for_backward(threshold, levels, clamped, whole.eq_(clamped))
        ctx.limit = limit
        return clamped * scale

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        """Of the values and of the threshold."""
        threshold, levels, clamped, inside = ctx.saved_tensors
        passed = gradients[0] * inside
        of_scale = (gradients[0] * clamped - passed * levels).sum()
        return passed, of_scale * threshold.sign() / ctx.limit, None
