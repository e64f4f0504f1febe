"""What the VGG networks have in common.

K. Simonyan, A. Zisserman, Very deep convolutional networks, arXiv:1409.1556, for images of 32x32
pixels as in the authors' QuantVGG (GitHub QDucasse/nn_benchmark): five groups of 3x3 convolutions,
each with a maximum after it, and one fully connected layer. Other than there, that layer is
quantized, a batch normalization follows it, and the first convolution has as many bits as the
others unless a grid gives a list (theirs has 8).
"""

from __future__ import annotations

from bench.networks.model import Defaults, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    Flatten,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    ScalePixels,
)

CHANNELS = (64, 128, 256, 512, 512)


def vgg(*convolutions: int) -> Network:
    """The network with so many convolutions in each of the five groups."""
    layers: list[Layer] = [ScalePixels()]
    for channels, count in zip(CHANNELS, convolutions, strict=True):
        layers += [Conv2d(channels, kernel=3, padding=1), BatchNorm(), ReLU()] * count
        layers.append(MaxPool(kernel=2, stride=2))
    layers += [Flatten(), Linear(CLASSES, per_channel=False), BatchNorm()]
    return Network(
        name=f"VGG{sum(convolutions) + 3}",  # the original has three fully connected layers
        architecture=Architecture(layers=tuple(layers)),
        defaults=Defaults(dropout=0.0),
    )
