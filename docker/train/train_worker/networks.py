"""From a network's declaration to a module that can be trained and exported.

A network takes the whole numbers of images as float [N, F] or [N, C, H, W] and returns logits,
float [N, classes]. Scaling them to what they stand for, pixels to 0..1, is part of it, so that an
exported model takes the image as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from brevitas import nn as qnn
from brevitas.quant import (
    Int8ActPerTensorFloatMinMaxInit,
    Int8WeightPerTensorFloat,
    SignedBinaryActPerTensorConst,
    SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFloatMaxInit,
)
from torch import nn
from torch.nn import functional

from contract import architecture as declared
from contract.architecture import Architecture, ArchitectureError, Layer, Shape
from contract.stages.dataset import PIXELS, Quantization
from stagekit import StageError

RELU_MAX = 6.0
SUM_MAX = 3.0
"""Where the range of a sum's terms starts: normalized values are rarely beyond."""


class BipolarWeights(SignedBinaryWeightPerTensorConst):
    """-1 or +1: a scale that is not 1 would stay in the hardware."""

    scaling_const = 1.0


class ScalePixels(nn.Module):
    """Map whole numbers to what they stand for; quantized already, they need no quantizer."""

    def __init__(self, quantization: Quantization = PIXELS) -> None:
        super().__init__()
        # That of pixels becomes 255, which divides more exactly than 1/255 multiplies.
        self.divisor = 1 / quantization.scale
        self.zero_point = float(quantization.zero_point)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """`pixels` less the zero point, times the scale."""
        return (pixels - self.zero_point if self.zero_point else pixels) / self.divisor


class GlobalAveragePool(nn.Module):
    """The mean of each channel: [N, C, 1, 1] of [N, C, H, W]."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The means."""
        return functional.adaptive_avg_pool2d(x, 1)


class Residual(nn.Module):
    """The sum of two paths from one input, each quantized by the one quantizer that they share."""

    def __init__(
        self, branch: nn.Sequential, shortcut: nn.Sequential, quantizer: nn.Module
    ) -> None:
        super().__init__()
        self.branch = branch
        self.shortcut = shortcut
        self.quantizer = quantizer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Branch plus shortcut."""
        total: torch.Tensor = self.quantizer(self.branch(x)) + self.quantizer(self.shortcut(x))
        return total


def build(
    architecture: Architecture,
    image: Shape,
    classes: int,
    weight_bits: Iterable[int],
    act_bits: Iterable[int],
    dropout: float,
    quantization: Quantization = PIXELS,
) -> nn.Sequential:
    """The network; its initial weights follow torch's global seed.

    Args:
        architecture: Its layers.
        image: Shape of the images, (C, H, W).
        classes: Number of logits.
        weight_bits: Bit width of each layer's weights, first layer first; 0: not quantized.
        act_bits: Bit width of each activation; 0: not quantized. A width of 1 is bipolar.
        dropout: Probability of dropping an input or activation in training.
        quantization: What the numbers in images stand for.

    Raises:
        StageError: The network cannot take such images.
    """
    try:
        architecture.shapes(image, classes)
    except ArchitectureError as error:
        raise StageError(
            f"The network cannot take images of {image}: {error}.",
            "Give another image_size or another data set.",
        ) from error
    builder = _Builder(classes, iter(weight_bits), iter(act_bits), dropout, quantization)
    return builder.sequence(architecture.layers, architecture.input_shape(image))


class _Builder:
    """Makes modules of layers, in order; each takes the next of the bit widths."""

    def __init__(
        self,
        classes: int,
        weight_bits: Iterator[int],
        act_bits: Iterator[int],
        dropout: float,
        quantization: Quantization,
    ) -> None:
        self._classes = classes
        self._weight_bits = weight_bits
        self._act_bits = act_bits
        self._dropout = dropout
        self._quantization = quantization

    def sequence(self, layers: Iterable[Layer], shape: Shape) -> nn.Sequential:
        """The modules of `layers`, for values of `shape`."""
        modules = []
        for layer in layers:
            modules.append(self._module(layer, shape))
            shape = layer.output(shape, self._classes)
        return nn.Sequential(*modules)

    def _module(self, layer: Layer, shape: Shape) -> nn.Module:
        module: nn.Module
        match layer:
            case declared.Linear() | declared.Conv2d() | declared.DepthwiseConv2d():
                module = self._weighted(layer, shape)
            case declared.HardTanh():
                module = _hard_tanh(next(self._act_bits))
            case declared.ReLU():
                module = _relu(next(self._act_bits))
            case declared.Residual():
                branch = self.sequence(layer.branch, shape)
                shortcut = self.sequence(layer.shortcut, shape)
                module = Residual(branch, shortcut, _of_sum(next(self._act_bits)))
            case declared.BatchNorm():
                module = (nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d)(shape[0])
            case declared.MaxPool():
                module = nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
            case declared.AveragePool():
                module = nn.AvgPool2d(layer.kernel, layer.stride, layer.padding)
            case declared.GlobalAveragePool():
                module = GlobalAveragePool()
            case declared.Flatten():
                module = nn.Flatten()
            case declared.Dropout():
                module = nn.Dropout(self._dropout)
            case _:
                assert isinstance(layer, declared.ScalePixels), layer
                module = ScalePixels(self._quantization)
        return module

    def _weighted(
        self, layer: declared.Linear | declared.Conv2d | declared.DepthwiseConv2d, shape: Shape
    ) -> nn.Module:
        """No bias; signed weights in narrow range, scaled by the largest magnitude, or bipolar."""
        bits = next(self._weight_bits)
        outputs = layer.output(shape, self._classes)[0]
        options: dict[str, Any] = {"bias": False, **_weight_quantizer(bits, layer.per_channel)}
        module: nn.Module
        if isinstance(layer, declared.Linear):
            module = (qnn.QuantLinear if bits else nn.Linear)(shape[0], outputs, **options)
        else:
            names = ("stride", "padding")
            options |= {"kernel_size": layer.kernel} | {n: getattr(layer, n) for n in names}
            if isinstance(layer, declared.DepthwiseConv2d):
                options["groups"] = shape[0]
            module = (qnn.QuantConv2d if bits else nn.Conv2d)(shape[0], outputs, **options)
        if bits == 1:
            # As in Brevitas' examples: there is no scale that would make up for small weights.
            nn.init.uniform_(module.weight, -1.0, 1.0)
        return module


def _weight_quantizer(bits: int, per_channel: bool) -> dict[str, Any]:
    """Options of a layer of Brevitas'; none where nothing is quantized."""
    if bits == 0:
        return {}
    if bits == 1:
        return {"weight_quant": BipolarWeights}
    return {
        "weight_quant": Int8WeightPerTensorFloat,
        "weight_bit_width": bits,
        "weight_scaling_per_output_channel": per_channel,
        "weight_narrow_range": True,
    }


def _hard_tanh(bits: int) -> nn.Module:
    """Signed activation whose learned range starts as -1..1; unquantized, it stays there."""
    if bits == 0:
        return nn.Hardtanh()
    if bits == 1:
        return _sign()
    layer: nn.Module = qnn.QuantHardTanh(
        act_quant=Int8ActPerTensorFloatMinMaxInit, bit_width=bits, min_val=-1.0, max_val=1.0
    )
    return layer


def _relu(bits: int) -> nn.Module:
    """Unsigned activation whose learned range starts as 0..6; unquantized, it has no end."""
    if bits == 0:
        return nn.ReLU()
    if bits == 1:
        return _sign()
    layer: nn.Module = qnn.QuantReLU(
        act_quant=Uint8ActPerTensorFloatMaxInit, bit_width=bits, max_val=RELU_MAX
    )
    return layer


def _of_sum(bits: int) -> nn.Module:
    """Signed quantizer of both terms of a sum, which FINN adds as integers of one scale."""
    if bits == 0:
        return nn.Identity()
    if bits == 1:
        return _sign()
    layer: nn.Module = qnn.QuantIdentity(
        act_quant=Int8ActPerTensorFloatMinMaxInit,
        bit_width=bits,
        min_val=-SUM_MAX,
        max_val=SUM_MAX,
    )
    return layer


def _sign() -> nn.Module:
    """Bipolar activation: +1 from 0 on, else -1."""
    layer: nn.Module = qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)
    return layer
