"""CNV, FINN's convolutional network: three pairs of 3x3 convolutions, three fully connected layers.

Y. Umuroglu et al., FINN, arXiv:1612.07119, as Brevitas' examples define it: no padding, so that
32x32 images shrink to one pixel; here without a quantizer before the first layer.
"""

from bench.networks.model import Defaults, Network
from contract.architecture import (
    CLASSES,
    Architecture,
    BatchNorm,
    Conv2d,
    Flatten,
    HardTanh,
    Layer,
    Linear,
    MaxPool,
    ScalePixels,
)


def _convolution(channels: int) -> tuple[Layer, ...]:
    return Conv2d(channels, kernel=3), BatchNorm(), HardTanh()


_FULLY_CONNECTED = (Linear(512), BatchNorm(), HardTanh())

NETWORK = Network(
    name="CNV",
    architecture=Architecture(
        layers=(
            ScalePixels(),
            *_convolution(64),
            *_convolution(64),
            MaxPool(kernel=2, stride=2),
            *_convolution(128),
            *_convolution(128),
            MaxPool(kernel=2, stride=2),
            *_convolution(256),
            *_convolution(256),
            Flatten(),
            *(_FULLY_CONNECTED * 2),
            Linear(CLASSES, per_channel=False),
            BatchNorm(),
        ),
    ),
    defaults=Defaults(dropout=0.0),
)
