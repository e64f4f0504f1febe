"""What the MobileNets have in common.

A. Howard et al., MobileNets, arXiv:1704.04861, for images of 32x32 pixels as in the authors'
QuantMobilenetV1 (GitHub QDucasse/nn_benchmark): a 3x3 convolution, then 13 depthwise convolutions,
each with a pointwise one after it. Other than there, the fully connected layer is quantized, a
batch normalization follows it, and the first convolution has as many bits as the others unless a
grid gives a list (theirs has 8).
"""

from __future__ import annotations

from bench.networks.model import Defaults, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    ReLU,
    ScalePixels,
)

FIRST = 32
# Channels, and the stride of the depthwise convolution.
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1)),
    *((512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    *((1024, 2), (1024, 1)),
)


def mobilenet(name: str, *, of: int = 1) -> Network:
    """The network `name`, with one `of` so many of the channels."""
    layers: list[Layer] = [ScalePixels(), Conv2d(FIRST // of, kernel=3, padding=1)]
    layers += [BatchNorm(), ReLU()]
    for channels, stride in BLOCKS:
        layers += [DepthwiseConv2d(kernel=3, stride=stride, padding=1), BatchNorm(), ReLU()]
        layers += [Conv2d(channels // of, kernel=1), BatchNorm(), ReLU()]
    layers += [GlobalAveragePool(), Flatten(), Linear(CLASSES, per_channel=False), BatchNorm()]
    return Network(
        name=name,
        architecture=Architecture(layers=tuple(layers)),
        defaults=Defaults(dropout=0.0),
    )
