"""The networks that can be trained, by name.

A network takes pixel values 0..255 as float [N, F] and returns logits, float [N, classes]. The
division by 255 is part of it, so that an exported model takes the 8-bit image as it is.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from brevitas import nn as qnn
from brevitas.quant import Int8ActPerTensorFloatMinMaxInit, Int8WeightPerTensorFloat
from torch import nn

from stagekit import StageError

PIXEL_MAX = 255.0
TFC_WIDTHS = (64, 64, 64)


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is built from.

    Attributes:
        name: Key in `NETWORKS`.
        inputs: F, the elements of a flattened image.
        classes: Number of logits.
        weight_bits: Bit width of each layer's weights, first layer first; 0: not quantized.
        act_bits: Bit width of the activations after each layer but the last; 0: not quantized.
        dropout: Probability of dropping an input or activation in training.
    """

    name: str
    inputs: int
    classes: int
    weight_bits: tuple[int, ...]
    act_bits: tuple[int, ...]
    dropout: float


class ScalePixels(nn.Module):
    """Map 0..255 to 0..1. No quantizer follows: the 256 values are 8-bit already."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`pixels` divided by 255."""
        return pixels / PIXEL_MAX


def tfc(spec: NetworkSpec) -> nn.Module:
    """The paper's "tiny fully connected" network: F -> 64 -> 64 -> 64 -> classes.

    As in the authors' QuantTFC (GitHub QDucasse/nn_benchmark), a batch normalization follows the
    last layer too. Other than there, the activations' scale is learned and no quantizer precedes
    the first layer.
    """
    layers: list[nn.Module] = [ScalePixels(), nn.Dropout(spec.dropout)]
    fan_in = spec.inputs
    for width, weight_bits, act_bits in zip(
        TFC_WIDTHS, spec.weight_bits[:-1], spec.act_bits, strict=True
    ):
        layers += [
            _linear(fan_in, width, weight_bits, per_channel=True),
            nn.BatchNorm1d(width),
            _hard_tanh(act_bits),
            nn.Dropout(spec.dropout),
        ]
        fan_in = width
    layers += [
        _linear(fan_in, spec.classes, spec.weight_bits[-1], per_channel=False),
        nn.BatchNorm1d(spec.classes),
    ]
    return nn.Sequential(*layers)


NETWORKS: dict[str, Callable[[NetworkSpec], nn.Module]] = {"TFC": tfc}
LAYERS = {"TFC": len(TFC_WIDTHS) + 1}
"""Layers with weights, by network."""


def build(spec: NetworkSpec) -> nn.Module:
    """Build the network; its initial weights follow torch's global seed.

    Raises:
        StageError: No network has that name.
    """
    layers(spec.name)
    return NETWORKS[spec.name](spec)


def layers(network: str) -> int:
    """Number of layers with weights.

    Raises:
        StageError: No network has that name.
    """
    if network not in NETWORKS:
        nearest = difflib.get_close_matches(network, NETWORKS, n=1, cutoff=0.0)[0]
        raise StageError(
            f"There is no network '{network}'.",
            f"Did you mean '{nearest}'? The networks are: {', '.join(sorted(NETWORKS))}.",
        )
    return LAYERS[network]


def _linear(fan_in: int, fan_out: int, bits: int, *, per_channel: bool) -> nn.Module:
    """No bias; signed weights in narrow range, scaled by the largest magnitude."""
    if bits == 0:
        return nn.Linear(fan_in, fan_out, bias=False)
    layer: nn.Module = qnn.QuantLinear(
        fan_in,
        fan_out,
        bias=False,
        weight_quant=Int8WeightPerTensorFloat,
        weight_bit_width=bits,
        weight_scaling_per_output_channel=per_channel,
        weight_narrow_range=True,
    )
    return layer


def _hard_tanh(bits: int) -> nn.Module:
    """Signed activation whose learned range starts as -1..1; unquantized, it stays there."""
    if bits == 0:
        return nn.Hardtanh()
    layer: nn.Module = qnn.QuantHardTanh(
        act_quant=Int8ActPerTensorFloatMinMaxInit, bit_width=bits, min_val=-1.0, max_val=1.0
    )
    return layer
